"""The engine: a skorch net, the training loop, and what is recorded of a training."""
