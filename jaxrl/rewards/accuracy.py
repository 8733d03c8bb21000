"""The verifier's score, as it is. DeepSeek-R1, https://arxiv.org/abs/2501.12948.

  r_i = weight * score_i

Where there are several rewards, `weight` is its share of their sum.
"""

from jaxtyping import Array, Float


def accuracy(score: Float[Array, " B"], *, weight: float = 1.0) -> Float[Array, " B"]:
  """One reward a row."""
  return weight * score
