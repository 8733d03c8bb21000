"""Log odds of probabilities that may be exactly 0 or 1."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def log_odds(p: Float[Array, "B T"], epsilon: float) -> Float[Array, "B T"]:
  """log(p / (1 - p)) of p held within [epsilon, 1 - epsilon].

  Held as odds: in float32 the nearest number to 1 - 1e-6 is off by 1 % of 1e-6. NaN
  stays NaN; numbers outside [0, 1] are held too. What is held has no gradient.
  """
  most = jnp.log1p(-epsilon) - jnp.log(epsilon)
  odds = jnp.log(jnp.maximum(p, 1e-30)) - jnp.log(jnp.maximum(1 - p, 1e-30))
  return jnp.clip(odds, -most, most)
