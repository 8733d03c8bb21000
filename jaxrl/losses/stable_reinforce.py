"""StableReinforce: bound the log-ratio before exp. Zhang et al., R1-Reward, https://arxiv.org/abs/2505.02835.

  d_t = clip(log pi - log pi_old, log ratio_min, log ratio_max),  rho_t = exp(d_t)
  L_t = -min(rho_t A_t, clip(rho_t, 1 - clip_low, 1 + clip_high) A_t)

The pre-clip keeps one stray token from overflowing the batch's loss. Beyond it the
gradient is 0, also for A_t < 0 and a large ratio, where PPO does not clip. The authors'
code averages per sequence, then over sequences: use with `sequence_mean`. The
advantage of the same name is the other half of the method. Its reward, correctness
times (1 + half of a judge's verdict on consistency) plus half of the format, needs a
judge and is not here.

`clip_fraction` counts tokens whose gradient one of the two clips removes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def stable_reinforce(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip_low: float = 0.2,
  clip_high: float = 0.2,
  ratio_min: float = 1e-3,
  ratio_max: float = 1e3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  free = masked.log_ratio(logp, logp_old, mask)
  bounded = jnp.clip(free, jnp.log(ratio_min), jnp.log(ratio_max))
  ratio = jnp.exp(bounded)
  advantages = masked.zero(advantages, mask)
  clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
  gain = jnp.minimum(ratio * advantages, clipped * advantages)
  removed = (gain != ratio * advantages) | ((bounded != free) & (advantages != 0))
  loss = masked.zero(-gain, mask)
  metrics = {
    "ratio": masked.zero(ratio, mask),
    "clip_fraction": masked.zero(removed.astype(ratio.dtype), mask),
  }
  return loss, metrics
