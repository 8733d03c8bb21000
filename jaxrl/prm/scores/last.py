"""The last step's score. Snell et al., https://arxiv.org/abs/2408.03314.

  R = p_K

The process reward model then serves as a value of the whole prefix. Any range of scores
serves. A row without a step has 0.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def last(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  return masked.sum_per_row(step_scores, masked.last_token(mask))[:, 0]
