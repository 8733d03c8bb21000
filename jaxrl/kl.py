"""Estimators of KL(pi || ref) from samples of pi, per token.

With d = log ref - log pi of the sampled token (Schulman, http://joschu.net/blog/kl-approx.html):
  k1 = -d,  k2 = d^2 / 2,  k3 = exp(d) - 1 - d
k1 and k3 are unbiased for the value. As terms of a loss their gradients differ: see the
regularizers, which say what theirs is.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def k1(
  logp: Float[Array, "B T"], logp_ref: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """-d, of either sign; 0 where masked."""
  return masked.log_ratio(logp, logp_ref, mask)


def k2(
  logp: Float[Array, "B T"], logp_ref: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """d^2 / 2 >= 0; 0 where masked."""
  return 0.5 * masked.log_ratio(logp, logp_ref, mask) ** 2


def k3(
  logp: Float[Array, "B T"], logp_ref: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """exp(d) - 1 - d >= 0, computed without cancellation; 0 where masked."""
  d = masked.log_ratio(logp_ref, logp, mask)
  return jnp.expm1(d) - d


def straight_through(
  value: Float[Array, "B T"],
  slope: Float[Array, "B T"],
  log_ratio: Float[Array, "B T"],
) -> Float[Array, "B T"]:
  """`value`, whose gradient is `slope` times that of `log_ratio`.

  For divergences D = E_pi[g(u)], u = ref / pi: as pi itself is differentiated, their
  gradient is E_pi[(g - u g') grad log pi], which is not that of a sample of g.
  """
  detach = jax.lax.stop_gradient
  return detach(value) + detach(slope) * (log_ratio - detach(log_ratio))
