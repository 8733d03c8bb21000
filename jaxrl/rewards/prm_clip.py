"""Process rewards bounded above by 0. Gao et al., https://arxiv.org/abs/2410.15115.

  r_k = alpha min(s_k - eta, 0)    on the last token of step k

with s_k the step's score: steps as good as eta earn nothing, so that further good steps
do not pay; worse ones cost. Added to `accuracy`, no return is above it. Where the paper
is silent: eta is the mean over all scored steps of the batch unless it is given, as
eta is meant to leave most steps at 0; alpha is 0.1, the upper end of its "small".
A shorter response still costs less: see `prm_clip_delta`. Steps without a score have
no reward and are not counted.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_clip(
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
  return alpha * masked.zero(jnp.minimum(scores - bound, 0.0), ends)
