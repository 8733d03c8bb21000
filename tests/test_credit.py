"""The stages between verifier and loss, in their order."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl.credit import Credit
from jaxrl.pick import pick
from tests.batches import GROUP, rollouts

CREDIT = Credit(
  rewards=(pick("rewards", "accuracy"), pick("rewards", "answer_format", weight=0.5)),
  advantage=pick("advantages", "group_norm"),
)


def fresh():
  batch, _ = rollouts()
  return batch.replace(rewards=None, advantages=None)


def test_rewards_add_up():
  batch = fresh()
  out = CREDIT.assign(batch)
  np.testing.assert_allclose(out.rewards, batch.score + 0.5 * batch.formatted)


def test_an_unscored_row_is_as_if_never_drawn():
  """Its mask is off, and every other number is that of a batch without it."""
  batch = fresh()
  out = CREDIT.assign(batch)
  hidden = np.asarray(batch.scored) == 0
  assert hidden.any() and float(np.asarray(batch.mask)[hidden].sum()) > 0
  assert float(np.asarray(out.mask)[hidden].sum()) == 0
  kept = np.flatnonzero(~hidden)
  without = CREDIT.assign(jax.tree.map(lambda x: x[kept], batch))
  for name in ("mask", "advantages", "rewards"):
    got, expected = getattr(out, name)[kept], getattr(without, name)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_row_that_is_left_out_still_counts_in_its_baseline():
  batch = fresh().replace(scored=jnp.ones(len(fresh().scored)))
  plain = CREDIT.assign(batch)
  selectors = (pick("selectors", "drop_truncated"),)
  selected = dataclasses.replace(CREDIT, selectors=selectors).assign(batch)
  cut = np.asarray(batch.truncated) > 0
  assert 0 < cut[:GROUP].sum() < GROUP
  np.testing.assert_array_equal(plain.advantages, selected.advantages)
  assert float(np.asarray(selected.mask)[cut].sum()) == 0
  np.testing.assert_array_equal(selected.mask[~cut], plain.mask[~cut])
