"""Checks of what users pass: labels, matrices, frames, and parameters of parts."""
