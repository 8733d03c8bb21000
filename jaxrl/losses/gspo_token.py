"""GSPO-token: the sequence's ratio, each token's own gradient. Zheng et al., https://arxiv.org/abs/2507.18071.

  s_i   = exp(mean_t (log pi - log pi_old))
  s_i,t = sg(s_i) pi_t / sg(pi_t)
  L_i,t = -min(s_i,t A_i,t, clip(s_i,t, 1 - clip_low, 1 + clip_high) A_i,t)

Eqs. 13 and 14, sg being the stop-gradient: s_i,t has the value of s_i, and only token t
moves it. Value and gradient equal `gspo` where the advantage is the same along the row
and the reduction weighs its tokens equally; otherwise each token follows its own
advantage. verl's gspo is this one (with log s_i,t capped at 10, far beyond the clip).

`clip_fraction` counts tokens whose gradient the clip removes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def gspo_token(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip_low: float = 3e-4,
  clip_high: float = 4e-4,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  sequence = jnp.exp(masked.mean_per_row(log_ratio, mask))
  # log_ratio and not logp: tokens beyond its clamp get no gradient, as in gspo.
  ratio = jax.lax.stop_gradient(sequence) * jnp.exp(
    log_ratio - jax.lax.stop_gradient(log_ratio)
  )
  advantages = masked.zero(advantages, mask)
  clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
  gain = jnp.minimum(ratio * advantages, clipped * advantages)
  removed = masked.zero((gain != ratio * advantages).astype(ratio.dtype), mask)
  loss = masked.zero(-gain, mask)
  return loss, {"ratio": masked.zero(ratio, mask), "clip_fraction": removed}
