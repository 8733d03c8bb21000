"""The outcome that an implicit PRM expects of a prefix. Yuan et al., https://arxiv.org/abs/2412.01981.

  q_t = beta sum_(i <= t) (log pi - log pi_ref),    p_t = 1 / (1 + exp(-q_t))

at each token, of what has been said up to and with it: beta log E[exp(r / beta)] over
the reference's continuations, exactly. The sum runs over the row's masked tokens.
Scoring may take another beta than training (the authors' code has 0.05 and 0.001): it
changes no order.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def implicit(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.05,
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere."""
  q = beta * jnp.cumsum(masked.zero(logp - logp_ref, mask), axis=1)
  return masked.zero(jax.nn.sigmoid(q), mask)
