"""Jensen-Shannon divergence to the reference. DPH-RL, https://arxiv.org/abs/2509.07430.

  D = KL(pi || m) / 2 + KL(ref || m) / 2,  m = (pi + ref) / 2,  u = ref / pi
  value     log(2 / (1 + u)) / 2 + u log(2u / (1 + u)) / 2
  gradient  log(2 / (1 + u)) / 2 * grad log pi

At most log 2, so no token of the reference costs without bound. The gradient is exact
in expectation on policy, given the tokens before. The paper takes stored samples of the
reference; these are the policy's own. The default coefficient is an assumption.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked
from jaxrl.types import Metrics


def js(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.01,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_ref, mask)
  below = jnp.expm1(-log_ratio)  # u - 1
  log_m = jnp.log1p(below / 2)  # log m / pi
  value = 0.5 * ((below + 1) * (-log_ratio - log_m) - log_m)
  term = kl.straight_through(value, -0.5 * log_m, log_ratio)
  return coefficient * term, {"js": value}
