"""A weight for each domain. DreamPRM, Cao et al., https://arxiv.org/abs/2505.20241.

  w_k = K softplus(u_k) / sum_j softplus(u_j)

for the rows of domain k of K, the `source` of their problem: weights are positive and
their mean is 1, whatever u. u is 0 at first, so every weight is 1. Their mean is over
domains, not over the rows of a batch.

u follows the loss on solutions whose outcomes are known, through the step that the
weighted rows make: see `prm.bilevel`. The model's own loss is `step_mse`, and that of u
`outcome_of_log_odds`; config prm/dreamprm has them together.

Id: dreamprm
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def dreamprm(
  domain_weights: Float[Array, " K"], domain: Int[Array, " B"]
) -> Float[Array, " B"]:
  """The weight of each row's domain."""
  positive = jax.nn.softplus(domain_weights)
  return (positive * (positive.size / jnp.sum(positive)))[domain]
