"""IPO: INTELLECT policy optimization. Prime Intellect, https://docs.primeintellect.ai/prime-rl/ipo.md.

  L_t = -M_t r_t A_t + coefficient (log r_t)^2,  r_t = pi / b
  M_t = 0 where |pi - b| > limit, else 1

with pi and b the probabilities of the token: the trust region is symmetric and blind to
the sign of the advantage. A ratio far from 1 of an unlikely token is let through, which
a band of ratios (`icepop`) is not. Tokens outside keep the quadratic term, which leads
them back. b is the distribution that the token was drawn from; r is not clipped and not
detached. Not the preference loss of the same name (https://arxiv.org/abs/2310.12036).

Defaults as in prime-rl. Its older loss masks on the side of the advantage's sign only:
`dppo_tv`, with `regularizers` for the square.

`clip_fraction` counts tokens that M removes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def ipo(
  logp: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  limit: float = 0.3,
  coefficient: float = 1e-3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_sampling, mask)
  ratio = jnp.exp(log_ratio)
  # Rounding may leave a log-probability above 0.
  probability = lambda x: jnp.exp(jnp.minimum(masked.zero(x, mask), 0.0))
  moved = probability(jax.lax.stop_gradient(logp)) - probability(logp_sampling)
  outside = (jnp.abs(moved) > limit) & (mask > 0)
  gain = jnp.where(outside, 0.0, ratio * masked.zero(advantages, mask))
  loss = masked.zero(coefficient * log_ratio**2 - gain, mask)
  metrics = {
    "ratio": masked.zero(ratio, mask),
    "clip_fraction": jnp.where(outside, 1.0, 0.0),
  }
  return loss, metrics
