"""Exact checkers of steps. They read text and never run it; no jax."""
