"""Truncated importance weight of each response. Liu et al., https://yingru.notion.site/When-Speed-Kills-Stability-271211a558b7808d8b12d403fd15edda.

  w_i = clip(prod_t pi_old / b, low, high)

for every trained token of response i: unbiased before truncation, where `token_is`
leaves out how the earlier tokens' probabilities differ. b is the distribution that the
tokens were drawn from, pi_old the policy before this batch's first update. The product
of long responses is mostly at a bound. Its logarithm is kept within +-20, as in verl,
whose presets have `high` 2; TRL's sequence_truncate has 3. None leaves a side open.

`is_truncated` is 1 on the tokens of rows whose weight a bound changed.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def sequence_is(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  low: float | None = None,
  high: float | None = 2.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """One factor a row, on each of its trained tokens."""
  log_ratio = masked.log_ratio(logp_old, logp_sampling, mask)
  total = jnp.clip(masked.sum_per_row(log_ratio, mask), -20.0, 20.0)
  ratio = jnp.exp(total)[:, 0]
  weight = jnp.clip(ratio, low, high)
  truncated = masked.per_token((weight != ratio).astype(ratio.dtype), mask)
  factor = masked.per_token(weight, mask)
  return factor, {"is_weight": factor, "is_truncated": truncated}
