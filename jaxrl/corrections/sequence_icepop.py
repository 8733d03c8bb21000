"""Masked importance sampling of responses. Liu et al., https://yingru.notion.site/When-Speed-Kills-Stability-271211a558b7808d8b12d403fd15edda.

  w_i = k_i where low <= k_i <= high, else 0,  k_i = prod_t pi_old / b

for every trained token of response i. b is the distribution that the tokens were drawn
from, pi_old the policy before this batch's first update. The default is TRL's default
correction, sequence_mask with a cap of 3; None leaves a side open. The logarithm of k_i
is kept within +-20 (TRL does not). Rows outside stay in the denominators; a selector
such as `reject_k1` takes them out.

`is_rejected` is 1 on the tokens of rows outside the band.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def sequence_icepop(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  low: float | None = None,
  high: float | None = 3.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """One factor a row, on each of its trained tokens."""
  log_ratio = masked.log_ratio(logp_old, logp_sampling, mask)
  total = jnp.clip(masked.sum_per_row(log_ratio, mask), -20.0, 20.0)
  ratio = jnp.exp(total)[:, 0]
  outside = ratio != jnp.clip(ratio, low, high)
  factor = masked.per_token(jnp.where(outside, 0.0, ratio), mask)
  rejected = masked.per_token(outside.astype(ratio.dtype), mask)
  return factor, {"is_weight": factor, "is_rejected": rejected}
