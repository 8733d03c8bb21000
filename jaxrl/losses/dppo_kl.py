"""DPPO with a trust region in KL divergence. Qi et al., https://arxiv.org/abs/2602.04879.

  D_t = mu log(mu / pi) + (1 - mu) log((1 - mu) / (1 - pi))
  M_t = 0 where A_t > 0, pi > mu and D_t > divergence_high, or
              A_t < 0, pi < mu and D_t > divergence_low; else 1
  L_t = -M_t sg(min(r_t, ratio_cap)) A_t log pi,  r_t = pi / mu

D is KL(mu || pi) between "this token" and "any other" (the binary approximation); all
else is as in `dppo_tv`: mu is the policy that drew the token, no cap unless asked for.
Limits of 0.05 as in a run script for verl. Inside the logarithms 1 - mu and 1 - pi are
at least 1e-8, as in verl.

`clip_fraction` counts tokens that M removes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def dppo_kl(
  logp: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  divergence_low: float = 0.05,
  divergence_high: float = 0.05,
  ratio_cap: float | None = None,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  fixed = jax.lax.stop_gradient(logp)
  weight = jnp.exp(masked.log_ratio(fixed, logp_sampling, mask))
  weight = weight if ratio_cap is None else jnp.minimum(weight, ratio_cap)
  advantages = masked.zero(advantages, mask)
  now, drawn = masked.zero(fixed, mask), masked.zero(logp_sampling, mask)
  divergence = _binary_kl(drawn, now)
  above = (advantages > 0) & (now > drawn) & (divergence > divergence_high)
  below = (advantages < 0) & (now < drawn) & (divergence > divergence_low)
  gain = weight * advantages * masked.zero(logp, mask)
  removed = masked.zero((above | below).astype(weight.dtype), mask)
  loss = jnp.where(removed > 0, 0.0, masked.zero(-gain, mask))
  metrics = {"binary_kl": masked.zero(divergence, mask), "clip_fraction": removed}
  return loss, metrics


def _binary_kl(p: Float[Array, "B T"], q: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """KL between two coins, from the log-probabilities of one side."""
  # Rounding may leave a log-probability above 0.
  p, q = jnp.minimum(p, 0.0), jnp.minimum(q, 0.0)
  # -expm1 keeps the digits of 1 - p where p is near 1.
  other_p, other_q = -jnp.expm1(p), -jnp.expm1(q)
  log_other = lambda x: jnp.log(jnp.maximum(x, 1e-8))
  rest = other_p * (log_other(other_p) - log_other(other_q))
  return jnp.exp(p) * (p - q) + rest
