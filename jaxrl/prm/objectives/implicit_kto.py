"""Implicit PRM by KTO, without pairs. Yuan et al., https://arxiv.org/abs/2412.01981.

  r_i   = beta sum_t (log pi - log ref)
  kappa = sg(max(0, mean of sum_t (log pi - log ref) over the rows of i's group))
  L_i   = 1 - sigmoid(r_i - beta kappa)  of a right answer
          1 - sigmoid(beta kappa - r_i)  of a wrong one

repeated on each trained token of row i: use with `sequence_mean`. An answer is right
where `score` is over 1/2; sg is the stop-gradient. See `implicit_ce` for what r is.

kappa estimates KL(pi || ref). The authors' code takes its mean over mismatched pairs,
an answer behind the prompt of another one, which costs a second forward pass; here it
is over the answers to the same prompt, which estimates that KL where the policy itself
wrote them. So whole groups have to be in a micro-batch. Empty rows are in no mean.

`implicit_reward` is r, `kappa` the above.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def implicit_kto(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  score: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.05,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.sum_per_row(logp - logp_ref, mask)[:, 0]
  filled = jnp.any(mask > 0, axis=1).astype(mask.dtype)
  mean = segments.mean(jax.lax.stop_gradient(log_ratio), group, filled)
  kappa = jnp.maximum(mean, 0.0)
  above = beta * (log_ratio - kappa)
  # 1 - sigmoid(x) is sigmoid(-x), which does not round to 0 for large x.
  loss = jnp.where(score > 0.5, jax.nn.sigmoid(-above), jax.nn.sigmoid(above))
  metrics = {
    "implicit_reward": masked.per_token(beta * log_ratio, mask),
    "kappa": masked.per_token(kappa, mask),
  }
  return masked.per_token(loss, mask), metrics
