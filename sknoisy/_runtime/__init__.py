"""The machine that a training runs on: devices, random generators, threads and arrays."""
