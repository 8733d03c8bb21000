"""ReasonFlux-PRM: outcome and process in one reward. Zou et al., https://arxiv.org/abs/2506.18896.

  r_hat_i = (1 / K) sum_k p_k + alpha p_K
  r_i     = (1 - beta) score_i + beta r_hat_i

with p_1..p_K the scores of a response's steps and `score` the verifier's. The paper's
second term is the model's score of the whole trajectory, R(q, y): the last step's score
stands for it here. This reward takes the place of `accuracy`, which it has in it: with
both in a config the outcome counts twice. It is then normalised in the group, as by
`group_norm`; beta 0 is plain GRPO. A response without a scored step has r_hat 0.

In the paper alpha is best near 1. beta is that of the authors' code, whose r_hat is one
score behind the whole response (here: a single step, alpha 0) and whose outcomes are
+-1: at 0.75 a wrong answer outranks a right one where its r_hat is more than
(1 - beta) 2 / beta = 2 / 3 higher, and 1 / 3 with outcomes of 0 and 1.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def reasonflux(
  score: Float[Array, " B"],
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 1.0,
  beta: float = 0.75,
) -> Float[Array, " B"]:
  """One reward a row."""
  ends = masked.zero(step_scored, mask)
  steps = masked.mean_per_row(step_scores, ends)[:, 0]
  whole = masked.sum_per_row(step_scores, masked.last_token(ends))[:, 0]
  return (1 - beta) * score + beta * (steps + alpha * whole)
