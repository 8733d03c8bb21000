"""TVD: token-level value-guided decoding. Liu et al. (AdaptiveStep), https://arxiv.org/abs/2502.13943.

  a = argmax of the next token's probabilities;  a where max p >= threshold
  else argmax over the M likeliest tokens a of PRM(prefix, a)

so the PRM is asked only where the policy is unsure. The authors' script has M = 8 and a
threshold of 0.55 (0.25 as their code's default), temperature 0. A threshold of 0 is
greedy decoding. Equal scores: the likelier token.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def tvd(
  logp: Float[Array, "N V"],
  *,
  score: Callable[[Array], Array],
  threshold: float = 0.55,
  candidates: int = 8,
) -> Int[Array, " N"]:
  """The next token of each row.

  Args:
    logp: log-probabilities of the next token.
    score: candidate tokens [N, M] -> how good the PRM calls each prefix with it [N, M];
      not called where every row is sure.
    threshold: of the likeliest token's probability.
    candidates: M.
  """
  top, tokens = jax.lax.top_k(logp, min(candidates, logp.shape[1]))
  unsure = jnp.exp(top[:, 0]) < threshold
  skip = lambda tokens: jnp.zeros(tokens.shape, jax.eval_shape(score, tokens).dtype)
  scores = jax.lax.cond(jnp.any(unsure), score, skip, tokens)
  chosen = jnp.where(unsure, jnp.argmax(scores, axis=1), 0)
  return jnp.take_along_axis(tokens, chosen[:, None], axis=1)[:, 0]
