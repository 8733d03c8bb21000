"""Rejection sampling: only right answers train. RAFT, https://arxiv.org/abs/2304.06767.

  m_it = 0 unless score_i > threshold

The paper keeps the best of each prompt by a reward model's score; with a verifier that
is every right answer. With `token_mean` and an advantage of 1 this is supervised
training on the policy's own right answers. Rows without a score do not train.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def only_correct(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  *,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """The mask without wrong answers."""
  keep = (score > threshold) & (scored > 0)
  return jnp.where(keep[:, None], mask, 0.0)
