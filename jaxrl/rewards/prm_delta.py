"""Process rewards that telescope. Gao et al., https://arxiv.org/abs/2410.15115.

  d_k = s_k - s_(k+1) for k < K - 1,    d_(K-1) = s_(K-1),    d_K = 0
  r_k = alpha d_k    on the last token of step k

with s_1..s_K the scores of a response's steps. What is earned from step k on is alpha
s_k, however many steps follow (discount 1; another one breaks this): repeating a good
step changes nothing. The last step has none, as the verifier judges it: with K = 1
nothing is left, with K = 2 d_1 = s_1. Where the paper is silent: alpha is 0.1; steps
without a score are passed over, so K is the last one that has a score.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def prm_delta(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 0.1,
) -> Float[Array, "B T"]:
  """One reward a scored step, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  # Without the last step's score, both special cases are those of the plain difference.
  scores = masked.zero(step_scores, ends - masked.last_token(ends))
  return alpha * (scores - masked.next_token(scores, ends))
