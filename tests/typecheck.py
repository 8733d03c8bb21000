"""The run-time type checker of the tests: a `float` hyper-parameter may be traced."""

import jax
from beartype import BeartypeConf, FrozenDict, beartype

checker = beartype(
  conf=BeartypeConf(hint_overrides=FrozenDict({float: float | jax.Array}))
)
