"""How particles are drawn anew from their weights."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def multinomial(key: Key[Array, ""], log_p: Float[Array, " N"]) -> Int[Array, " N"]:
  """N independent draws; `log_p` need not be normalised."""
  return jax.random.categorical(key, log_p, shape=log_p.shape)


def systematic(key: Key[Array, ""], log_p: Float[Array, " N"]) -> Int[Array, " N"]:
  """One uniform number for all draws; `log_p` need not be normalised."""
  u = jax.random.uniform(key, (), log_p.dtype)
  return systematic_at(u, jax.nn.softmax(log_p))


def systematic_at(
  u: Float[Array, ""] | float, p: Float[Array, " N"]
) -> Int[Array, " N"]:
  """Position (k + u) / N takes the first row whose cumulative p is over it.

  Counted by how many positions lie under each cumulative p, which has no rounding where
  N p is whole: with equal p every row is drawn once, for every u of [0, 1).
  """
  n = p.shape[0]
  scaled = n * jnp.cumsum(p)
  whole = jnp.round(scaled)
  scaled = jnp.where(jnp.abs(scaled - whole) < 1e-6 * n, whole, scaled)
  below = jnp.floor(scaled)
  count = (below + (scaled - below > u)).astype(jnp.int32)
  count = jnp.clip(count, 0, n).at[n - 1].set(n)
  return jnp.searchsorted(count, jnp.arange(n), side="right")


Rule = Literal["multinomial", "systematic"]
RULES: dict[Rule, Callable[[Array, Array], Array]] = {
  "multinomial": multinomial,
  "systematic": systematic,
}
