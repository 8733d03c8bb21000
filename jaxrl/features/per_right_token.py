"""What turns a mean over tokens into one over right rows. Chen et al. (AlphaMath), https://arxiv.org/abs/2405.03553.

  f_it = N / n   on each trained token of a right row, else 0

N is the number of the batch's trained tokens and n of those in rows whose outcome is
right. A loss times f under `token_mean` is the mean over the n tokens, whatever else
trains beside them; without a right row it is 0. A row is right where its score is over
1/2; one without a score is not.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def per_right_token(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
) -> Float[Array, "B T"]:
  """Factors on the tokens of right rows."""
  right = (score > 0.5) & (scored > 0)
  kept = jnp.where(right[:, None], mask, 0.0)
  return kept * (jnp.sum(mask) / jnp.maximum(jnp.sum(kept), 1.0))
