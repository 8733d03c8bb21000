"""Learning-rate schedules: `name(total_steps, *, hyper-parameters)` -> optax schedule."""
