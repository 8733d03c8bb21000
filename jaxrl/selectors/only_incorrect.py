"""Negative sample reinforcement: only wrong answers train.

Zhu et al., https://arxiv.org/abs/2506.01347.

  m_it = 0 unless score_i <= threshold

The complement of `only_correct` among scored rows. The paper's objective goes with a
reward of -1 for a wrong answer and no baseline; with a group's baseline the prompts
that were never solved have no advantage. Rows without a score do not train.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def only_incorrect(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  *,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """The mask without right answers."""
  keep = (score <= threshold) & (scored > 0)
  return jnp.where(keep[:, None], mask, 0.0)
