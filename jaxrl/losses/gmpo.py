"""GMPO: the geometric mean of the tokens' ratios. Zhao et al., https://arxiv.org/abs/2507.20673.

  x_t   = min(d_t, log_clip_high)  where A_t > 0,  d_t = log pi - log pi_old
  x_t   = max(d_t, -log_clip_low)  where A_t < 0
  L_i,t = -exp(mean_t x_t) mean_t A_t

repeated on each trained token of row i: use with `sequence_mean`. Tokens are clipped
before the mean, in log space and on the side where PPO clips, within (e^-0.4, e^0.4).
With an unbounded range this is GSPO without its clip.

The paper has one advantage a response. Where it differs along the row this follows
verl: each token is clipped by its own sign, the factor is the row's mean, and a token
with A_t = 0 adds x_t = 0. Log-ratios are within +-20 here, unbounded in verl and TRL.

`clip_fraction` counts tokens whose log-ratio the clip changed; `ratio` is the exp of
their mean.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def gmpo(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  log_clip_low: float = 0.4,
  log_clip_high: float = 0.4,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  sign = jnp.sign(masked.zero(advantages, mask))
  clipped = jnp.clip(log_ratio, -log_clip_low, log_clip_high)
  kept = sign * jnp.minimum(sign * log_ratio, sign * clipped)
  ratio = jnp.exp(masked.mean_per_row(kept, mask))
  gain = ratio * masked.mean_per_row(advantages, mask)
  changed = (sign * kept < sign * log_ratio).astype(ratio.dtype)
  metrics = {
    "ratio": masked.per_token(ratio[:, 0], mask),
    "clip_fraction": masked.zero(changed, mask),
  }
  return masked.per_token(-gain[:, 0], mask), metrics
