"""A*-PO: regression on the optimal advantage. Brantley et al., https://arxiv.org/abs/2505.20686.

  L_i = (beta log pi(y_i) / ref(y_i) - A_i)^2

repeated on each trained token of row i: use with `sequence_mean`. log pi(y) is the sum
over the trained tokens of response y; beta is the paper's beta2. A is the reward minus
the optimal value, which `advantages/a_star` estimates from samples of the reference; it
is one number a row (where it differs along a row, each token has its own square). Also
in TRL, as a2po.

`residual` is what is squared.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def a_star_po(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 1e-3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_ref, mask)
  implicit = masked.per_token(beta * jnp.sum(log_ratio, axis=-1), mask)
  residual = implicit - masked.zero(advantages, mask)
  return residual**2, {"residual": residual}
