"""Cosine reward: short right answers and long wrong ones. https://arxiv.org/abs/2502.03373.

Yeo et al., "Demystifying long chain-of-thought reasoning in LLMs".

  r_i = end + (start - end) (1 + cos(pi |o_i| / max_tokens)) / 2,   |o_i| < max_tokens
        exceed                                                      otherwise

with (start, end), the rewards at length 0 and at the limit, of `correct` for a right
answer (score over 0.5) and of `wrong` for a wrong one. Lengths are in trained tokens.
It takes the place of `accuracy`, whose 0 and 1 it would otherwise add to. The five
rewards are the paper's. open-r1 measures characters, starts at (1, 0.5) and (-1, -0.5),
and lets the cosine run on beyond the limit. Rows without a score get 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def cosine_length(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  *,
  max_tokens: int = 16384,
  correct: tuple[float, float] = (2.0, 1.0),
  wrong: tuple[float, float] = (-10.0, 0.0),
  exceed: float = -10.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  length = jnp.sum(mask, axis=-1)
  cosine = (1 + jnp.cos(jnp.pi * length / max_tokens)) / 2
  right = score > 0.5
  start = jnp.where(right, correct[0], wrong[0])
  end = jnp.where(right, correct[1], wrong[1])
  reward = jnp.where(length < max_tokens, end + (start - end) * cosine, exceed)
  return jnp.where(scored > 0, reward, 0.0)
