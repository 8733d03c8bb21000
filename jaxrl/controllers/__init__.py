"""Coefficients that follow a measured value from step to step."""
