"""The sum form, which collapses in training. Cheng et al., https://arxiv.org/abs/2504.15275.

  p_k = 2 s_k - 1,    r_k = weight p_k    on the last token of step k

with s_k in [0, 1] the step's score, so that p = p(good) - p(bad) in (-1, 1). It is what
PURE compares its minimum form with: a step is worth the sum of all scores from it on,
so one more easy step whose score is above 0 always pays, and training ends in responses
that repeat such steps, or in one step where scores are below 0. Use `pure`; this is to
see the collapse. `prm_step` is the same on scores as they are.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def prm_sum(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, "B T"]:
  """One reward a scored step, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  return masked.zero(weight * (2 * step_scores - 1), ends)
