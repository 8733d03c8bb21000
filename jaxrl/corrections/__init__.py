"""Factors of the loss for the distance of sampler, old policy and trainer."""
