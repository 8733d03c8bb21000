"""The plain sum over tokens. REINFORCE, Williams 1992, https://doi.org/10.1007/BF00992696.

  w_it = m_it

Nothing is divided, so the learning rate depends on the size of the batch; Adam takes
most of that out. Fully masked rows add nothing. verl calls it token-sum.
"""

from jaxtyping import Array, Float


def token_sum(mask: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """The mask itself."""
  return mask
