"""From logits to tokens: the rules that leave some out, and the draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.drawing import SamplingRules, categorical, truncate


def rules_of(**changes):
  return SamplingRules(stop_ids=(), max_tokens=1, **changes)


def brute_force(p, *, top_k=None, top_p=None, min_p=None):
  """The three rules, one after the other, on a list of probabilities."""
  p = list(p)
  if top_k is not None:
    floor = sorted(p, reverse=True)[top_k - 1]
    p = [x if x >= floor else 0.0 for x in p]
    p = [x / sum(p) for x in p]
  if top_p is not None:
    kept, mass = set(), 0.0
    for i in sorted(range(len(p)), key=lambda i: -p[i]):
      if mass < top_p:
        kept.add(i)
        mass += p[i]
    p = [x if i in kept else 0.0 for i, x in enumerate(p)]
    p = [x / sum(p) for x in p]
  if min_p is not None:
    p = [x if x >= min_p * max(p) else 0.0 for x in p]
    p = [x / sum(p) for x in p]
  return p


RULES = [
  {"top_k": 3},
  {"top_p": 0.6},
  {"min_p": 0.2},
  {"top_k": 1},
  {"top_p": 1e-6},
  {"top_k": 5, "top_p": 0.8, "min_p": 0.3},
]


@pytest.mark.parametrize("changes", RULES)
def test_truncation_matches_brute_force(changes):
  logits = jnp.asarray(np.random.default_rng(1).normal(size=(4, 11)) * 2, jnp.float32)
  logp = jax.nn.log_softmax(logits)
  got = np.exp(truncate(logp, rules_of(**changes)))
  for row in range(4):
    expected = brute_force(np.exp(np.asarray(logp[row], np.float64)), **changes)
    np.testing.assert_allclose(got[row], expected, atol=1e-6)


def test_ties_at_a_threshold_stay():
  logp = jnp.log(jnp.array([[0.3, 0.3, 0.2, 0.2]]))
  kept = truncate(logp, rules_of(top_k=3))[0] > -jnp.inf
  assert kept.tolist() == [True] * 4


def test_categorical_never_draws_the_impossible():
  """Mass at both ends of blocks, none between; the counts follow it."""
  p = np.zeros((1, 700))
  p[0, [0, 255, 256, 699]] = [0.1, 0.2, 0.3, 0.4]
  logp = jnp.log(jnp.asarray(np.repeat(p, 20_000, axis=0), jnp.float32))
  keys = jax.random.split(jax.random.key(0), 20_000)
  counts = np.bincount(np.asarray(categorical(keys, logp)), minlength=700)
  assert counts[p[0] == 0].sum() == 0
  np.testing.assert_allclose(counts / 20_000, p[0], atol=0.015)
