"""The checker is in force: annotations of the library are checked in the tests."""

import jax
import jax.numpy as jnp
import jaxtyping
import pytest

from jaxrl import masked
from jaxrl.pick import pick


def test_a_wrong_shape_is_refused():
  with pytest.raises(jaxtyping.TypeCheckError):
    masked.zero(jnp.ones(3), jnp.ones((2, 3)))


def test_a_hyper_parameter_may_be_traced():
  one = jnp.ones((1, 2))
  term = pick("regularizers", "kl_k2")
  sweep = jax.vmap(lambda c: term(one, 0 * one, one, coefficient=c)[0].sum())
  assert sweep(jnp.array([0.0, 1.0, 2.0])).tolist() == [0.0, 1.0, 2.0]
