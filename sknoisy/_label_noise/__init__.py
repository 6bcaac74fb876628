"""Computation of noise estimates on arrays, without checks."""
