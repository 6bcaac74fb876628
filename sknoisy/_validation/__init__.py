"""Checks of user input: labels, matrices, data frames and the parameters of parts."""
