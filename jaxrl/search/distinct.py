"""AlphaLLM's merging: a new option differs from its siblings. Tian et al., https://arxiv.org/abs/2404.12253.

  draw again, up to 5 times, until min over siblings of the edit distance >= 20

where none is that far the farthest is kept, of equal ones the first. Distances are in
token ids (the unit is a choice: they are what there is inside jit). The first child has
no sibling and is drawn greedily: that is the caller's business.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key

from jaxrl.search.edit_distance import edit_distance
from jaxrl.types import Tree

# key -> (an option, its distance from the nearest sibling, tokens that were drawn)
Draw = Callable[[Array], tuple[Tree, Array, Array]]


def distinct(
  draw: Draw, key: Key[Array, ""], *, distance: int = 20, tries: int = 5
) -> tuple[Tree, Int[Array, ""]]:
  """A new option, and the tokens of all draws.

  Args:
    draw: samples an option.
    key: consumed.
    distance: that is far enough.
    tries: draws at most, the first one included.
  """
  key, use = jax.random.split(key)

  def going(state: tuple[Tree, Array, Array, Array, Array]) -> Array:
    _, farthest, _, tried, _ = state
    return (farthest < distance) & (tried < tries)

  def again(
    state: tuple[Tree, Array, Array, Array, Array],
  ) -> tuple[Tree, Array, Array, Array, Array]:
    best, farthest, spent, tried, key = state
    key, use = jax.random.split(key)
    option, far, tokens = draw(use)
    better = far > farthest
    best = jax.tree.map(lambda new, old: jnp.where(better, new, old), option, best)
    return best, jnp.maximum(far, farthest), spent + tokens, tried + 1, key

  first = (*draw(use), jnp.ones((), jnp.int32), key)
  best, _, spent, _, _ = jax.lax.while_loop(going, again, first)
  return best, spent


def nearest(
  tokens: Int[Array, " S"],
  length: Int[Array, ""],
  others: Int[Array, "W S"],
  lengths: Int[Array, " W"],
  there: Bool[Array, " W"],
) -> Int[Array, ""]:
  """Edits from an option to the nearest of its siblings; 2 S without one."""
  far = lambda other, n: edit_distance(tokens, length, other, n)
  none = 2 * tokens.shape[0]
  return jnp.min(jnp.where(there, jax.vmap(far)(others, lengths), none))
