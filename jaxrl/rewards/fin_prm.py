"""Fin-PRM: steps and the whole trajectory. Zhou et al., https://arxiv.org/abs/2508.15202.

  r_i = weight / 2 ((1 / (K - 1)) sum_{k < K} p_k + p_K)

with p_1..p_K the scores of a response's steps, cut by the rule `final_answer`: the last
one is the final answer, and what its label was is the trajectory's. It falls on the
last token, is added to `accuracy`, and GRPO does the rest. A response of one step has
the trajectory's half alone, one without a step 0.

The authors' code takes the score at the first mark of a response alone, and no other,
which looks like an oversight: this is the paper's combined score.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def fin_prm(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  ends = masked.zero(step_scored, mask)
  last = masked.last_token(ends)
  steps = masked.mean_per_row(step_scores, ends * (1 - last))[:, 0]
  whole = masked.sum_per_row(step_scores, last)[:, 0]
  return weight * (steps + whole) / 2
