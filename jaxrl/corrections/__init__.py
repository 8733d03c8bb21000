"""Factors of the loss for the distance between sampler and trainer; file and function share a name."""
