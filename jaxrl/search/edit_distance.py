"""Edit distance of token ids inside jit. Levenshtein, 1966.

  D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + (a_i != b_j)),  D[i, 0] = i

One row of D after another. Along a row the middle term is a running minimum: an
insertion costs one for each place to the right, so that D[i, j] - j is the least of
what the two other terms leave at the places up to j, minus their place.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int


def edit_distance(
  a: Int[Array, " S"],
  a_length: Int[Array, ""],
  b: Int[Array, " R"],
  b_length: Int[Array, ""],
) -> Int[Array, ""]:
  """Insertions, deletions and substitutions from the first tokens of `a` to `b`'s."""
  place = jnp.arange(b.shape[0] + 1)

  def next_row(above: Array, token: tuple[Array, Array]) -> tuple[Array, None]:
    x, i = token
    least = jnp.minimum(above[1:] + 1, above[:-1] + (b != x))
    least = jnp.concatenate([above[:1] + 1, least])
    row = jax.lax.cummin(least - place) + place
    return jnp.where(i < a_length, row, above), None

  last, _ = jax.lax.scan(next_row, place, (a, jnp.arange(a.shape[0])))
  return last[b_length]
