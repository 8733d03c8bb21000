"""What a search has drawn is on its account, whether it was kept or not."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search.strategies.lookahead import lookahead
from jaxrl.search.strategies.lookahead_particle_filter import (
  lookahead_particle_filter,
)
from tests.test_search import KEY, expand, parts, tree_values


@pytest.mark.parametrize(
  ("search", "steps"),
  [
    (functools.partial(lookahead, width=3, steps=2), 3),
    (lookahead_particle_filter, 2),
  ],
  ids=["lookahead", "particles"],
)
def test_what_is_simulated_is_on_the_account(search, steps):
  """Each round a step that is kept, and those that are looked ahead to."""

  def counted(rows, key):
    new, ended = expand({"node": rows["node"]}, key)
    return {**new, "drawn": rows["drawn"] + 1}, ended

  rows = {"node": jnp.zeros(3, jnp.int32), "drawn": jnp.zeros(3, jnp.int32)}
  changed = parts(
    rows,
    tree_values(6),
    rounds=2,
    expand=counted,
    simulate=lambda rows: {**rows, "drawn": rows["drawn"] + 1},
    take=lambda rows, parents: {**rows, "node": rows["node"][parents]},
    drawn=lambda rows: rows["drawn"],
    spent=lambda rows, tokens: {**rows, "drawn": tokens},
  )
  np.testing.assert_array_equal(search(changed, KEY).rows["drawn"], [2 * steps] * 3)
