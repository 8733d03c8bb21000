"""Truncated importance weight of each token. Yao et al., https://fengyao.notion.site/off-policy-rl.

  w_t = clip(pi_old / b, low, high)

b is the distribution that the token was drawn from, pi_old the policy before this
batch's first update; a loss with the ratio pi / pi_old, times w_t, is then weighted for
samples of b (Ionides 2008 has the truncation). `high` of 2 as in the post and in verl;
None leaves a side open. TRL's token_truncate is this with high 3.

With `high` None this is the weight of decoupled PPO (Hilton et al.,
https://arxiv.org/abs/2110.00641, eq. 3; AReaL, https://arxiv.org/abs/2505.24298), where
pi_old is the proximal policy. AReaL's cap removes the tokens above it instead of
truncating: `icepop` with low None and high the cap.

`is_truncated` counts tokens whose weight a bound changed.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def token_is(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  low: float | None = None,
  high: float | None = 2.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """One factor a token, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp_old, logp_sampling, mask))
  weight = jnp.clip(ratio, low, high)
  truncated = masked.zero((weight != ratio).astype(ratio.dtype), mask)
  weight = masked.zero(weight, mask)
  return weight, {"is_weight": weight, "is_truncated": truncated}
