"""What scripts/mutations.py found no other test to notice."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.pick import needs, pick


@pytest.mark.parametrize("name", ["group_mean", "group_norm", "opo", "rloo"])
def test_keep_single_gives_the_unscored_peers_nothing(name):
  """Also where their mask is still on."""
  arrays = {
    "rewards": jnp.asarray([jnp.nan, 2.0, 3.0]),
    "scored": jnp.asarray([0.0, 1.0, 0.0]),
    "group": jnp.zeros(3, jnp.int32),
    "mask": jnp.ones((3, 1)),
  }
  method = pick("advantages", name, keep_single=True)
  got = method(*(arrays[name] for name in needs(method)))
  np.testing.assert_allclose(got[:, 0], [0.0, 2.0, 0.0], rtol=1e-5)
