"""KL penalty to the reference in the reward. Ziegler et al., https://arxiv.org/abs/1909.08593.

  r_it = -coefficient * (log pi_old - log ref)

On every trained token; the sum over a response estimates the KL of whole sequences, and
through the advantage its policy gradient is that of the KL, what earlier tokens do to
later ones included. The default is InstructGPT's, https://arxiv.org/abs/2203.02155.
With group advantages the sum over tokens enters the group's mean and spread. A
controller such as `adaptive_kl` may move the coefficient, as the paper does.
"""

from jaxtyping import Array, Float

from jaxrl import kl


def kl_penalty_k1(
  logp_old: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.02,
) -> Float[Array, "B T"]:
  """One reward a token, 0 where masked."""
  return -coefficient * kl.k1(logp_old, logp_ref, mask)
