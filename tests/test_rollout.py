"""The sampler: stops, randomness, rules, and agreement with the scorer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import prompts, rollout, scoring
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.rollout import SamplingRules
from jaxrl.types import Rollouts
from tests import tiny

PROMPTS = jnp.array(
  np.random.default_rng(0).integers(1, 256, size=(3, 8)), dtype=jnp.int32
)
LENGTHS = jnp.array([8, 3, 5], jnp.int32)
STOPS = tuple(range(0, 256, 8))  # many, so that a random model meets one
R = 6

decoder = Decoder(tiny.DECODER)


@functools.cache
def variables():
  # Sharper than at initialisation, so that samples differ in probability.
  params = init_params(tiny.DECODER, jax.random.key(0))
  return {"params": jax.tree.map(lambda x: 3 * x, params)}


def rules(stops=STOPS, max_tokens=R, **changes):
  return SamplingRules(stop_ids=stops, max_tokens=max_tokens, **changes)


def sample(rows=slice(None), group=4, key=0, rules=rules()):  # noqa: B008
  ids = jnp.arange(3 * group, dtype=jnp.int32).reshape(3, group)[rows].reshape(-1)
  return rollout.jitted(
    decoder,
    variables(),
    PROMPTS[rows],
    LENGTHS[rows],
    ids,
    jax.random.key(key),
    rules=rules,
  )


@jax.jit
def _last_logits(params, ids, length):
  slot = jnp.arange(ids.shape[1], dtype=jnp.int32)[None]
  positions = jnp.where(slot < length, slot, EMPTY)
  hidden, _ = decoder.apply(params, ids, positions)
  return decoder.apply(params, hidden[:, length - 1], method="logits")[0]


def full_logits(row, tokens):
  """Next-token logits after the prompt of a row and some response, without a cache."""
  ids = [*PROMPTS[row, : LENGTHS[row]].tolist(), *tokens]
  padded = jnp.array([ids + [0] * (8 + R - len(ids))], jnp.int32)
  return _last_logits(variables(), padded, len(ids))


def test_a_response_ends_with_its_stop_token_which_is_part_of_it():
  out = sample(group=8)
  stopped = 0
  for row in range(out.tokens.shape[0]):
    kept = int(out.mask[row].sum())
    tokens = np.asarray(out.tokens[row])
    assert not np.isin(tokens[: kept - 1], STOPS).any()
    assert np.all(tokens[kept:] == 0) and np.all(np.asarray(out.logp[row, kept:]) == 0)
    ended = tokens[kept - 1] in STOPS
    assert bool(out.truncated[row]) != ended
    assert ended or kept == R
    stopped += ended
  assert 0 < stopped < out.tokens.shape[0]


def test_the_loop_ends_when_all_rows_have():
  """With every token a stop token, one token is sampled and the loop does not turn."""
  out = sample(rules=rules(tuple(range(259)), max_tokens=50))
  assert out.tokens.shape[1] == 50 and out.steps == 1
  np.testing.assert_array_equal(out.mask.sum(-1), 1)


def test_a_row_does_not_depend_on_its_batch():
  whole = sample()
  for row in range(3):
    alone = sample(slice(row, row + 1))
    part = slice(4 * row, 4 * row + 4)
    np.testing.assert_array_equal(alone.tokens, whole.tokens[part])
    np.testing.assert_allclose(alone.logp, whole.logp[part], atol=1e-5)


def test_randomness_is_fresh_per_key_row_and_position():
  once, again, other = sample(), sample(), sample(key=1)
  np.testing.assert_array_equal(once.tokens, again.tokens)
  assert (np.asarray(once.tokens) != np.asarray(other.tokens)).any()
  # Rows of a group and positions of a row draw differently from a flat distribution.
  flat = rules((), temperature=1e6)
  tokens = np.asarray(sample(rules=flat, group=64).tokens)
  assert len(np.unique(tokens[:64, 0])) > 40
  assert np.mean(tokens[:, 0] == tokens[:, 1]) < 0.1


def test_samples_follow_the_model():
  """First tokens of 4,096 samples against the softmax, by a chi-square test."""
  out = sample(slice(0, 1), group=4096, rules=rules((), max_tokens=1))
  counts = np.bincount(np.asarray(out.tokens[:, 0]), minlength=259)
  expected = 4096 * np.asarray(jax.nn.softmax(full_logits(0, [])))
  large = expected > 5
  rest = np.append(expected[large], expected[~large].sum())
  seen = np.append(counts[large], counts[~large].sum())
  statistic = np.sum((seen - rest) ** 2 / np.maximum(rest, 1e-9))
  freedom = len(rest) - 1
  assert statistic < freedom + 4 * np.sqrt(2 * freedom)


def test_greedy_takes_the_mode():
  out = sample(rules=rules(greedy=True), group=1)
  for row in range(3):
    tokens = []
    for t in range(int(out.mask[row].sum())):
      tokens.append(int(jnp.argmax(full_logits(row, tokens))))
      assert tokens[-1] == int(out.tokens[row, t])


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_log_probs_equal_the_scorers(temperature):
  """To 1e-4 nats in float32, on every token; the scorer sees no cache."""
  out = sample(rules=rules(temperature=temperature))
  np.testing.assert_array_equal(out.logp, out.logp_sampling)  # nothing truncated
  batch = as_rollouts(out)
  got = scoring.score(
    decoder,
    variables(),
    batch,
    needs=("logp",),
    temperature=temperature,
    response_width=R,
    chunk_tokens=8,
  ).logp
  assert float(batch.mask.sum()) > 12
  np.testing.assert_allclose(got, batch.logp_old, atol=1e-4)


def as_rollouts(out):
  zeros = jnp.zeros(out.tokens.shape[0])
  fields = prompts.join(PROMPTS, LENGTHS, out)
  return Rollouts(**fields, score=zeros, formatted=zeros, scored=zeros + 1)


def test_join_puts_each_response_after_its_prompt():
  out = sample()
  fields = prompts.join(PROMPTS, LENGTHS, out)
  for row in range(12):
    prompt = PROMPTS[row // 4, : LENGTHS[row // 4]].tolist()
    response = out.tokens[row, : int(out.mask[row].sum())].tolist()
    end = len(prompt) + len(response)
    assert fields["tokens"][row, :end].tolist() == prompt + response
    mask = [0] * len(prompt) + [1] * len(response)
    assert fields["mask"][row, :end].tolist() == mask
    assert float(fields["mask"][row, end:].sum()) == 0
    assert fields["positions"][row, :end].tolist() == list(range(end))
    assert np.all(fields["positions"][row, end:] == 2**30)
    logp = out.logp[row, : len(response)]
    np.testing.assert_array_equal(fields["logp_old"][row, len(prompt) : end], logp)
    assert fields["group"][row] == row // 4


# --- truncation rules ---------------------------------------------------------------


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
  got = np.exp(rollout.truncate(logp, rules(**changes)))
  for row in range(4):
    expected = brute_force(np.exp(np.asarray(logp[row], np.float64)), **changes)
    np.testing.assert_allclose(got[row], expected, atol=1e-6)


def test_ties_at_a_threshold_stay():
  logp = jnp.log(jnp.array([[0.3, 0.3, 0.2, 0.2]]))
  kept = rollout.truncate(logp, rules(top_k=3))[0] > -jnp.inf
  assert kept.tolist() == [True] * 4


def test_both_log_probs_under_truncation():
  out = sample(rules=rules((), top_k=2, temperature=0.8))
  for row in range(12):
    tokens = out.tokens[row].tolist()
    for t in range(R):
      logp = jax.nn.log_softmax(full_logits(row // 4, tokens[:t]) / 0.8)
      np.testing.assert_allclose(out.logp[row, t], logp[tokens[t]], atol=1e-4)
      top = jnp.sort(logp)[-2:]
      behaviour = logp[tokens[t]] - jax.nn.logsumexp(top)
      assert logp[tokens[t]] >= top[0] - 1e-5
      np.testing.assert_allclose(out.logp_sampling[row, t], behaviour, atol=1e-4)


def test_categorical_never_draws_the_impossible():
  """Mass at both ends of blocks, none between; the counts follow it."""
  p = np.zeros((1, 700))
  p[0, [0, 255, 256, 699]] = [0.1, 0.2, 0.3, 0.4]
  logp = jnp.log(jnp.asarray(np.repeat(p, 20_000, axis=0), jnp.float32))
  keys = jax.random.split(jax.random.key(0), 20_000)
  counts = np.bincount(np.asarray(rollout.categorical(keys, logp)), minlength=700)
  assert counts[p[0] == 0].sum() == 0
  np.testing.assert_allclose(counts / 20_000, p[0], atol=0.015)
