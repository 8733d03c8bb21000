"""Learning-rate schedules of optax: `name(total_steps, *, hyper-parameters)`."""
