"""The outcome from the mean log-odds of steps. DreamPRM, Cao et al., https://arxiv.org/abs/2505.20241.

  p_t = sigmoid(z_t) within [epsilon, 1 - epsilon]
  A_i = mean_t log(p_t / (1 - p_t)),  L_i = (sigmoid(A_i) - o_i)^2

over the marked steps t of row i, repeated on each of them: use with `sequence_mean`. o
is the outcome's `score`; steps need no labels. It is the paper's upper loss, by which
its weights of domains are learnt (config field `meta_loss`).

A is the mean, as in the authors' code, where the paper's text has the sum: a sum grows
with the number of steps. log(p / (1 - p)) is the logit z, held within the same bounds;
epsilon is not the paper's, which only says that V must stay clear of 0 and 1. What is
held has no gradient.

`outcome_accuracy` is 1 where sigmoid(A) and o are on one side of 1/2.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def outcome_of_log_odds(
  step_logits: Float[Array, "B T"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Each row's loss on its marked steps, 0 where masked."""
  most = jnp.log1p(-epsilon) - jnp.log(epsilon)
  odds = jnp.clip(masked.zero(step_logits, mask), -most, most)
  mean = masked.mean_per_row(odds, mask)[:, 0]
  loss = (jax.nn.sigmoid(mean) - score) ** 2
  agree = ((mean > 0) == (score > 0.5)).astype(mean.dtype)
  return masked.per_token(loss, mask), {
    "outcome_accuracy": masked.per_token(agree, mask)
  }
