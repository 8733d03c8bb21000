"""The mean of the steps' scores. Pan et al., https://arxiv.org/abs/2311.05821.

  R = (1 / K) sum_k p_k

Any range of scores serves. A row without a step has 0. The paper's reward of a response
is this, `minimum`, `product` or `maximum` of the scores of its lines (steps `newline`).

Id: step_by_step_rl
"""

from jaxtyping import Array, Float

from jaxrl import masked


def mean(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  return masked.mean_per_row(step_scores, mask)[:, 0]
