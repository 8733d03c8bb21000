"""A batch in slices of its rows: memory, not mathematics."""

from collections.abc import Callable

import jax

from jaxrl.types import Rollouts, Tree


def by_parts(fn: Callable[[Rollouts], Tree], batch: Rollouts, parts: int) -> Tree:
  """`fn` of equal slices of the rows, one after the other, joined along the rows."""
  split = lambda x: x.reshape(parts, -1, *x.shape[1:])
  out = jax.lax.map(fn, jax.tree.map(split, batch))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), out)
