"""The runtime of a training: devices, random generators, threads and serialized tensors."""
