"""Clip, then Delta: bounded process rewards. Gao et al., https://arxiv.org/abs/2410.15115.

  c_k = min(s_k - eta, 0)
  d_k = c_k - c_(k+1) for k < K - 1,    d_(K-1) = c_(K-1),    d_K = 0
  r_k = alpha d_k    on the last token of step k

with s_1..s_K the scores of a response's steps: the paper's best, of `prm_clip` and
`prm_delta`. What is earned from step k < K on is alpha min(s_k - eta, 0), at discount
1, plus the `accuracy` that it is meant to be added to: never more than that, and as
much however many steps follow. Where the paper is silent: alpha is 0.1 (it says small;
0.02 to 0.1 serve); eta is the mean over all scored steps of the batch, last ones
included, unless it is given; steps without a score are passed over, so K is the last
one that has a score. K = 1 leaves nothing, K = 2 leaves d_1 = c_1.

Id: prm_clip_delta
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_clip_delta(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 0.1,
  eta: float | None = None,
) -> Float[Array, "B T"]:
  """One reward a scored step, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  scores = masked.zero(step_scores, ends)
  bound = jnp.sum(scores) / jnp.maximum(jnp.sum(ends), 1.0) if eta is None else eta
  # Without the last step's score, both special cases are those of the plain difference.
  inner = ends - masked.last_token(ends)
  clipped = masked.zero(jnp.minimum(scores - bound, 0.0), inner)
  return alpha * (clipped - masked.next_token(clipped, ends))
