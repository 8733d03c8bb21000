"""PURE: the worst step's score, as credit of that step. Cheng et al., https://arxiv.org/abs/2504.15275.

  p_k = 2 s_k - 1,    w = softmax_k(-p_k / temperature)
  r_k = w_k p_k    on the last token of step k

with s_k in [0, 1] the step's score, so that p = p(good) - p(bad) is in (-1, 1). The sum
over a response's steps tends to min_k p_k as the temperature goes to 0, and to the mean
as it grows (the code's disable_weighted_reward): a further good step hardly changes it,
where in the sum form it pays (`prm_sum`). The gain of a better worst step goes to that
step. Steps without a score are left out of the softmax and have no reward; a response
without any has none.

Trained with the advantage `pure_token` (or `pure_step`), which takes a baseline off
these rewards and adds the verifier's. The authors' process reward model has two outputs
a step and is trained by prm/objectives/step_ce, first the head alone and then all.

Id: pure
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def pure(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  temperature: float = 0.1,
) -> Float[Array, "B T"]:
  """One reward a scored step, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  p = masked.zero(2 * step_scores - 1, ends)
  # Low, not -inf: a row without a step must not become NaN.
  weight = jax.nn.softmax(jnp.where(ends > 0, -p / temperature, -1e30), axis=1)
  return masked.zero(weight * p, ends)
