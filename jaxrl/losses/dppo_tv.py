"""DPPO: a trust region in total variation, not in ratios. Qi et al., https://arxiv.org/abs/2602.04879.

  L_t = -M_t sg(min(r_t, ratio_cap)) A_t log pi,  r_t = pi / mu
  M_t = 0 where A_t > 0 and pi - mu > divergence_high, or
              A_t < 0 and mu - pi > divergence_low; else 1

The binary approximation: |pi - mu| of the drawn token is the total variation between
"this token" and "any other". A ratio clip stops rare tokens early and common tokens
late; this stops both at the same shift of probability, and only where the update leads
further away. sg is the stop-gradient: the gradient is that of the paper's -M r A.

mu is the policy that drew the token, sampler included: the paper finds a recomputed
pi_old unstable as the anchor, so no other correction for the sampler belongs beside
this loss. It also finds that a cap on the ratio hurts: `ratio_cap` None. verl caps at
its clip_ratio_c and anchors at its old log-probs. Limits of 0.15 as in a run script
for verl. Where the sampler truncates (top-p), mu is its renormalised distribution.

`clip_fraction` counts tokens that M removes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def dppo_tv(
  logp: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  divergence_low: float = 0.15,
  divergence_high: float = 0.15,
  ratio_cap: float | None = None,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  fixed = jax.lax.stop_gradient(logp)
  weight = jnp.exp(masked.log_ratio(fixed, logp_sampling, mask))
  weight = weight if ratio_cap is None else jnp.minimum(weight, ratio_cap)
  advantages = masked.zero(advantages, mask)
  # Rounding may leave a log-probability above 0.
  now = jnp.exp(jnp.minimum(masked.zero(fixed, mask), 0.0))
  drawn = jnp.exp(jnp.minimum(masked.zero(logp_sampling, mask), 0.0))
  above = (advantages > 0) & (now - drawn > divergence_high)
  below = (advantages < 0) & (drawn - now > divergence_low)
  gain = weight * advantages * masked.zero(logp, mask)
  removed = masked.zero((above | below).astype(weight.dtype), mask)
  loss = jnp.where(removed > 0, 0.0, masked.zero(-gain, mask))
  shift = masked.zero(jnp.abs(now - drawn), mask)
  return loss, {"total_variation": shift, "clip_fraction": removed}
