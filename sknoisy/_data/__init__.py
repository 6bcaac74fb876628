"""Samples for training and prediction: checks of X, rows, training sets and batches."""
