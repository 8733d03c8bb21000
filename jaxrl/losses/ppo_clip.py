"""Clipped surrogate of PPO, per token. Schulman et al., https://arxiv.org/abs/1707.06347.

  L_t = -min(r_t A_t, clip(r_t, 1 - clip_low, 1 + clip_high) A_t),  r_t = pi / pi_old

Asymmetric clip_high is DAPO's clip-higher (https://arxiv.org/abs/2503.14476). Two
bounds for rare, large ratios, both off by default:

  dual_clip c > 1   for A < 0, L_t is at most -c A_t: Ye et al., dual-clip PPO,
                    https://arxiv.org/abs/1912.09729, eq. 5 (verl has it on, at 3)
  ratio_cap         the unclipped r_t is at most this: INTELLECT-2's two-sided clip,
                    https://arxiv.org/abs/2505.07291 (TRL calls it delta)

`clip_fraction` counts tokens whose gradient a bound removes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def ppo_clip(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip_low: float = 0.2,
  clip_high: float = 0.2,
  dual_clip: float | None = None,
  ratio_cap: float | None = None,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp, logp_old, mask))
  advantages = masked.zero(advantages, mask)
  clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
  free = ratio if ratio_cap is None else jnp.minimum(ratio, ratio_cap)
  gain = jnp.minimum(free * advantages, clipped * advantages)
  if dual_clip is not None:
    floor = jnp.where(advantages < 0, dual_clip * advantages, -jnp.inf)
    gain = jnp.maximum(gain, floor)
  removed = masked.zero((gain != ratio * advantages).astype(ratio.dtype), mask)
  loss = masked.zero(-gain, mask)
  return loss, {"ratio": masked.zero(ratio, mask), "clip_fraction": removed}
