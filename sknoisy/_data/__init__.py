"""Samples on their way to the training: checks, rows, the training set, batches."""
