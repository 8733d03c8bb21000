"""Clipped surrogate of PPO, per token. Schulman et al., https://arxiv.org/abs/1707.06347.

  L_t = -min(r_t A_t, clip(r_t, 1 - clip_low, 1 + clip_high) A_t),  r_t = pi / pi_old

Asymmetric clip_high is DAPO's clip-higher (https://arxiv.org/abs/2503.14476).
`clip_fraction` counts tokens whose gradient the clip removes.
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
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp, logp_old, mask))
  advantages = masked.zero(advantages, mask)
  clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
  kept = jnp.minimum(ratio * advantages, clipped * advantages)
  removed = masked.zero((kept < ratio * advantages).astype(ratio.dtype), mask)
  loss = masked.zero(-kept, mask)
  return loss, {"ratio": masked.zero(ratio, mask), "clip_fraction": removed}
