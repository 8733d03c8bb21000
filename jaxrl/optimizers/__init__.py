"""Optimisers by name: `name(learning_rate, *, hyper-parameters)` -> optax transform."""
