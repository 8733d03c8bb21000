"""The replay of informative groups, against lists and a sort."""

import jax
import numpy as np
import pytest

from jaxrl import replay
from tests.batches import GROUP, rollouts


def batch(seed):
  rng = np.random.default_rng(seed)
  rows, _ = rollouts(seed, rows=16)
  rewards = rng.integers(0, 2, size=16).astype(np.float32)
  flat = rng.integers(0, 2, size=4).repeat(GROUP)
  rewards = np.where(flat, 0.5, rewards)
  advantages = rng.normal(size=(16, 1)) * np.ones(rows.mask.shape)
  return rows.replace(
    rewards=jax.numpy.asarray(rewards, "float32"),
    scored=jax.numpy.ones(16),
    advantages=jax.numpy.asarray(advantages, "float32"),
    tokens=rows.tokens + 100 * seed,
  )


def priorities(rows):
  """mean |A| * std of the rewards, group by group."""
  found = []
  for g in range(len(rows.scored) // GROUP):
    at = slice(g * GROUP, (g + 1) * GROUP)
    mask, advantages = np.asarray(rows.mask)[at], np.asarray(rows.advantages)[at]
    own = [
      abs(a[m > 0].mean()) if m.any() else 0.0
      for a, m in zip(advantages, mask, strict=True)
    ]
    scored = np.asarray(rows.scored)[at] > 0
    std = np.asarray(rows.rewards)[at].std(ddof=1) if scored.all() else 0.0
    found.append(float(np.mean(own) * std))
  return found


def groups(rows):
  """(priority, first row's tokens) of each group."""
  tokens = np.asarray(rows.tokens).reshape(-1, GROUP, rows.tokens.shape[1])
  return list(zip(priorities(rows), [t[0].tolist() for t in tokens], strict=True))


@pytest.mark.parametrize("capacity", [1, 3, 10])
def test_exchange_is_a_sorted_list(capacity):
  first = batch(0)
  kept, model = replay.empty(first, capacity, GROUP), []
  replaced = 0
  for seed in range(6):
    fresh = batch(seed)
    kept, mixed = jax.jit(replay.exchange, static_argnames="size")(
      kept, fresh, size=GROUP
    )
    expected, new = [], groups(fresh)
    model.sort(key=lambda pair: -pair[0])
    for value, tokens in new:
      if value == 0 and model:
        expected.append(model.pop(0)[1])
        replaced += 1
      else:
        expected.append(tokens)
    assert [tokens for _, tokens in groups(mixed)] == expected
    model = sorted(model + [pair for pair in new if pair[0] > 0], key=lambda p: -p[0])
    model = model[:capacity]
    stored = [pair for pair in groups(kept) if pair[0] > 0]
    assert [t for _, t in stored] == [t for _, t in model]
    np.testing.assert_allclose([p for p, _ in stored], [p for p, _ in model], rtol=1e-5)
    np.testing.assert_array_equal(mixed.group, np.arange(16) // GROUP)
    old = np.array([t not in [x for _, x in new] for t in expected]).repeat(GROUP)
    np.testing.assert_array_equal(np.asarray(mixed.fresh), 1.0 - old)
  assert replaced > 1
