"""KL(ref || pi) from samples of pi. DPH-RL, https://arxiv.org/abs/2509.07430.

  value     u log u - u + 1,  u = ref / pi  (>= 0, unbiased)
  gradient  (1 - u) grad log pi

Mass-covering: it grows where pi gives up what the reference does. The gradient is exact
in expectation on policy, given the tokens before; it is that of `kl_k3`, whose value
is another divergence's. -u + 1 has expectation 0 and is there to lower the variance.
The paper takes stored samples of the reference instead, for which -log pi would do. The
default coefficient is an assumption.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked
from jaxrl.types import Metrics


def forward_kl(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.01,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_ref, mask)
  below = jnp.expm1(-log_ratio)  # u - 1
  value = -log_ratio * (below + 1) - below
  term = kl.straight_through(value, -below, log_ratio)
  return coefficient * term, {"forward_kl": value}
