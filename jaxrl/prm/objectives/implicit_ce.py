"""Implicit PRM by cross-entropy. Yuan et al., https://arxiv.org/abs/2412.01981.

  r_i = beta sum_t (log pi - log ref)
  L_i = -y_i log sigmoid(r_i) - (1 - y_i) log sigmoid(-r_i)

repeated on each trained token of row i: use with `sequence_mean`. y is the outcome's
`score`, in 0..1; no step has a label. The model trained so is a process reward model:
with any reward of this form, the part of the sum up to token t is

  q_t = beta log E[exp(r / beta)] over continuations of y_<=t that ref writes

so beta (log pi - log ref), summed over the tokens of a step, is its reward. The sum is
a sum: a mean over tokens has no such identity. Log-ratios are not clamped, as sigmoids
of any size have a finite loss. beta of 0.05 is that of training; the authors score with
0.001. `implicit_dpo`, `implicit_kto` and `implicit_nca` are the paper's other losses;
only this one and KTO learn from prompts whose answers are all right or all wrong.

`implicit_reward` is r, `outcome_accuracy` 1 where its sign is that of y - 1/2.

Id: implicitprm
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def implicit_ce(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.05,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  reward = beta * masked.sum_per_row(logp - logp_ref, mask)[:, 0]
  right, wrong = jax.nn.log_sigmoid(reward), jax.nn.log_sigmoid(-reward)
  loss = -score * right - (1 - score) * wrong
  agree = ((reward > 0) == (score > 0.5)).astype(reward.dtype)
  metrics = {
    "implicit_reward": masked.per_token(reward, mask),
    "outcome_accuracy": masked.per_token(agree, mask),
  }
  return masked.per_token(loss, mask), metrics
