"""CISPO: clip the weight, keep every token. MiniMax-M1, https://arxiv.org/abs/2506.13585.

  L_t = -sg(clip(r_t, 1 - clip_low, 1 + clip_high)) A_t log pi,  r_t = pi / pi_old

Eqs. 4 and 5, sg being the stop-gradient: REINFORCE whose importance weight is bounded,
so unlike PPO's clip no token loses its gradient. The paper sets no lower bound in its
experiments (`clip_low` None) and tunes the upper one without giving it; the default, a
cap of 5, is what TRL recommends (its cap is absolute: clip_high = cap - 1). verl, slime
and NeMo-RL bound both sides by 0.2, ROLL by 0.1. The paper averages over all tokens:
use with `token_mean`.

The value of the loss means little. `capped_fraction` counts weights that a bound
changed.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def cispo(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip_low: float | None = None,
  clip_high: float = 4.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(jax.lax.stop_gradient(logp), logp_old, mask))
  weight = jnp.minimum(ratio, 1 + clip_high)
  if clip_low is not None:
    weight = jnp.maximum(weight, 1 - clip_low)
  gain = weight * masked.zero(advantages, mask) * masked.zero(logp, mask)
  capped = masked.zero((weight != ratio).astype(ratio.dtype), mask)
  metrics = {"ratio": masked.zero(ratio, mask), "capped_fraction": capped}
  return masked.zero(-gain, mask), metrics
