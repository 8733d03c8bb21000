"""A process reward where each step ends. Pan et al., https://arxiv.org/abs/2311.05821.

  r_k = alpha p_k    on the last token of step k

with p_k the step's score, usually a chance in [0, 1]. It stands beside `accuracy` in a
config, or alone. The returns add up over the steps, so that with scores above 0 longer
responses earn more (see `prm_sum`); `prm_mean`, `prm_clip_delta` and `pure` do not have
that. Where the paper is silent: alpha is 1, and steps without a score have no reward.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def prm_step(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 1.0,
) -> Float[Array, "B T"]:
  """One reward a scored step, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  return alpha * masked.zero(step_scores, ends)
