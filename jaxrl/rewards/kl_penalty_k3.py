"""The k3 estimator of KL(pi || ref) in the reward. https://arxiv.org/abs/2510.01555.

  r_it = -coefficient * (exp(d) - 1 - d),  d = log ref - log pi_old

Liu et al. compare it with k1 and k2 in the reward; it is Schulman's k3,
http://joschu.net/blog/kl-approx.html. Its sum estimates the KL without bias and with
less variance than k1, but its policy gradient is not that of the KL, as k3 depends on
pi itself: `kl_penalty_k1` has that. verl calls it low_var_kl and bounds k3 by 10; here
d is within +-20. The default coefficient is that of `kl_penalty_k1`.
"""

from jaxtyping import Array, Float

from jaxrl import kl


def kl_penalty_k3(
  logp_old: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.02,
) -> Float[Array, "B T"]:
  """One reward a token, 0 where masked."""
  return -coefficient * kl.k3(logp_old, logp_ref, mask)
