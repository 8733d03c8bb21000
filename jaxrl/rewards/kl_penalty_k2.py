"""Squared log-ratio to the reference in the reward. https://arxiv.org/abs/2510.01555.

  r_it = -coefficient * (log pi_old - log ref)^2 / 2

Liu et al. compare it with k1 and k3 in the reward; it is Schulman's k2,
http://joschu.net/blog/kl-approx.html. Its sum is a biased estimate of the KL, and its
policy gradient is not that of the KL: `kl_penalty_k1` has that. It never rewards a
token that the reference likes better. The default coefficient is that of
`kl_penalty_k1`.
"""

from jaxtyping import Array, Float

from jaxrl import kl


def kl_penalty_k2(
  logp_old: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.02,
) -> Float[Array, "B T"]:
  """One reward a token, 0 where masked."""
  return -coefficient * kl.k2(logp_old, logp_ref, mask)
