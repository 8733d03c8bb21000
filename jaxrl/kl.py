"""Estimators of KL(pi || ref) from samples of pi, per token.

With d = log ref - log pi of the sampled token (Schulman, http://joschu.net/blog/kl-approx.html):
  k1 = -d,  k2 = d^2 / 2,  k3 = exp(d) - 1 - d
k1 and k3 are unbiased for the value. As terms of a loss their gradients differ: see the
regularizers, which say what theirs is.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def k3(
  logp: Float[Array, "B T"], logp_ref: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """exp(d) - 1 - d >= 0, computed without cancellation; 0 where masked."""
  d = masked.log_ratio(logp_ref, logp, mask)
  return jnp.expm1(d) - d
