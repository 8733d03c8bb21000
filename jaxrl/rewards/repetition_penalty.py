"""A penalty on tokens that repeat an n-gram. Yeo et al., https://arxiv.org/abs/2502.03373.

  r_it = -penalty  if t lies in a window of n tokens equal to an earlier window
         0         otherwise

Appendix C.2. Windows are n adjacent trained tokens of the row, by token id; they may
overlap the window that they repeat. `only_start` penalises only the first token of such
a window, as an option of the paper's code. The paper sums rewards with a discount per
kind of reward; here they add up like all others. TRL and open-r1 give a row
-penalty * (share of its n-grams, in words, that are repeats) instead.

Windows are compared exactly, by sorting: ranks of windows of 1, 2, 4, .. tokens come
from the pair of ranks of their halves. Memory is a few times [B, T], never [B, T, T] or
n-fold.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def repetition_penalty(
  tokens: Int[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  n: int = 40,
  penalty: float = 0.05,
  only_start: bool = False,
) -> Float[Array, "B T"]:
  """One penalty a token, 0 where masked."""
  if n > mask.shape[1]:
    return jnp.zeros_like(mask)
  rank, size = tokens, 1
  while size < n:
    step = min(size, n - size)  # the last two halves overlap
    rank, size = _rank(rank, jnp.roll(rank, -step, axis=1)), size + step
  position = jax.lax.broadcasted_iota(tokens.dtype, mask.shape, 1)
  # Windows with a token that does not train, or that wrap around, go last.
  broken = jnp.roll(_window_sum(mask, n), 1 - n, axis=1) < n
  broken = broken.astype(tokens.dtype)
  broken, rank, order = jax.lax.sort((broken, rank, position), num_keys=2)
  same = (broken[:, 1:] == 0) & (rank[:, 1:] == rank[:, :-1])
  repeats = jnp.pad(same.astype(mask.dtype), ((0, 0), (1, 0)))
  _, repeats = jax.lax.sort((order, repeats), num_keys=1)
  hit = repeats if only_start else _window_sum(repeats, n)
  return jnp.where((hit > 0) & (mask > 0), -penalty, jnp.zeros_like(mask))


def _rank(a: Int[Array, "B T"], b: Int[Array, "B T"]) -> Int[Array, "B T"]:
  """A number for each pair (a, b) of a row, the same for equal pairs alone."""
  position = jax.lax.broadcasted_iota(a.dtype, a.shape, 1)
  a, b, position = jax.lax.sort((a, b, position), num_keys=2)
  new = (a[:, 1:] != a[:, :-1]) | (b[:, 1:] != b[:, :-1])
  rank = jnp.cumsum(jnp.pad(new.astype(position.dtype), ((0, 0), (1, 0))), axis=1)
  return jax.lax.sort((position, rank), num_keys=1)[1]


def _window_sum(x: Float[Array, "B T"], n: int) -> Float[Array, "B T"]:
  """Sum of each entry and the n - 1 before it."""
  total = jnp.cumsum(x, axis=1)
  before = jnp.pad(total[:, : x.shape[1] - n], ((0, 0), (n, 0)))
  return total - before
