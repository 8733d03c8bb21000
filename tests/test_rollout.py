"""The sampler: stops, randomness, rules, and agreement with the scorer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import lookup, prompts, rollout, sampler, scoring
from jaxrl.errors import UserError
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.rollout import Engine, SamplingRules
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


@functools.cache
def mild():
  return {"params": init_params(tiny.DECODER, jax.random.key(0))}


def rules(stops=STOPS, max_tokens=R, **changes):
  return SamplingRules(stop_ids=stops, max_tokens=max_tokens, **changes)


def sample(rows=slice(None), group=4, key=0, rules=rules(), **options):  # noqa: B008
  ids = jnp.arange(3 * group, dtype=jnp.int32).reshape(3, group)[rows].reshape(-1)
  return rollout.jitted(
    decoder,
    variables(),
    PROMPTS[rows],
    LENGTHS[rows],
    ids,
    jax.random.key(key),
    rules=rules,
    **options,
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
  out = jax.device_get(sample(group=64))
  stopped = 0
  for row in range(out.tokens.shape[0]):
    kept = int(out.mask[row].sum())
    tokens = out.tokens[row]
    assert not np.isin(tokens[: kept - 1], STOPS).any()
    assert np.all(tokens[kept:] == 0) and np.all(out.logp[row, kept:] == 0)
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
  got = score(variables(), batch, temperature)
  assert float(batch.mask.sum()) > 12
  np.testing.assert_allclose(got, batch.logp_old, atol=1e-4)


@jax.jit
def score(variables, batch, temperature):
  return scoring.score(
    decoder,
    variables,
    batch,
    needs=("logp",),
    temperature=temperature,
    response_width=R,
    chunk_tokens=8,
  ).logp


def as_rollouts(out):
  zeros = jnp.zeros(out.tokens.shape[0])
  fields = prompts.join(PROMPTS, LENGTHS, out)
  return Rollouts(**fields, score=zeros, formatted=zeros, scored=zeros + 1)


def test_join_puts_each_response_after_its_prompt():
  out = sample()
  out, fields = jax.device_get((out, jax.jit(prompts.join)(PROMPTS, LENGTHS, out)))
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


# --- engines and the host's loop -----------------------------------------------------

LONG = 40
ENGINES = {
  "all slots": Engine(),
  "few slots": Engine(slots=5),
  "drafts": Engine(lookup_tokens=2),
  "drafts in few slots": Engine(slots=4, lookup_tokens=3),
}
LEAST_SLOTS = {"all slots": 6, "few slots": 4, "drafts": 6, "drafts in few slots": 4}


def generate(engine=ENGINES["all slots"], group=4, ended=None, **changes):
  return sampler.generate(
    decoder,
    variables(),
    PROMPTS,
    LENGTHS,
    jnp.arange(3 * group, dtype=jnp.int32),
    jax.random.key(0),
    rules=rules(RARE, max_tokens=LONG, **changes),
    engine=engine,
    ended=ended,
  )


RARE = tuple(range(0, 256, 24))  # a tenth of a random model's tokens


@functools.cache
def plain():
  return sample(rules=rules(RARE, max_tokens=LONG))


@pytest.mark.parametrize("name", ENGINES)
def test_engines_sample_the_same(name, monkeypatch):
  """With a cache that grows, rows that leave, wait and are compacted, and drafts."""
  # Sizes that change as they do in long runs, and few of them: each is a program.
  monkeypatch.setattr(sampler, "FIRST_TOKENS", 20)
  monkeypatch.setattr(sampler, "LEAST_SLOTS", LEAST_SLOTS[name])
  told = {}
  out = generate(
    ENGINES[name], ended=lambda rows, words: told.update(zip(rows, words, strict=True))
  )
  want = plain()
  lengths = np.asarray(want.mask.sum(1)).astype(int)
  assert lengths.min() < 8 and lengths.max() == LONG, "nothing to refill or to grow for"
  np.testing.assert_array_equal(out.tokens, want.tokens)
  for field in ("mask", "truncated"):
    np.testing.assert_array_equal(getattr(out, field), getattr(want, field))
  np.testing.assert_allclose(out.logp, want.logp, atol=5e-4)
  assert sorted(told) == list(range(12))
  for row, words in told.items():
    assert words == want.tokens[row, : lengths[row]].tolist()


@pytest.mark.parametrize("name", ENGINES)
def test_engines_sample_the_same_in_one_program(name):
  rules_ = rules(RARE, max_tokens=LONG)
  ids = jnp.arange(12, dtype=jnp.int32)
  args = decoder, variables(), PROMPTS, LENGTHS, ids, jax.random.key(0)
  out = rollout.jitted(*args, rules=rules_, engine=ENGINES[name])
  np.testing.assert_array_equal(out.tokens, plain().tokens)
  if name == "few slots":  # more steps than the longest row, far fewer than one by one
    lengths = plain().mask.sum(1)
    assert lengths.max() < out.steps < lengths.sum() / 2


def test_drafts_are_accepted_where_a_text_repeats_itself():
  """A greedy random model with tied embeddings does, and look-up foretells it."""
  ids = jnp.arange(3, dtype=jnp.int32)
  args = decoder, mild(), PROMPTS, LENGTHS, ids, jax.random.key(0)
  greedy = rules((), max_tokens=LONG, greedy=True)
  want = rollout.jitted(*args, rules=greedy)
  out = rollout.jitted(*args, rules=greedy, engine=Engine(lookup_tokens=3))
  np.testing.assert_array_equal(out.tokens, want.tokens)
  assert int(out.steps) < 0.8 * int(want.steps)


def test_drafts_are_what_followed_the_last_pair():
  asked = jnp.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [1, 1, 1, 1]])
  said = jnp.asarray([[9, 1, 2, 0], [7, 5, 6, 0], [2, 3, 0, 0]])
  lengths = jnp.asarray([4, 2, 4]), jnp.asarray([3, 3, 2])
  drafts = jax.jit(lookup.drafts, static_argnames="tokens")
  out = drafts(asked, lengths[0], said, lengths[1], tokens=3)
  np.testing.assert_array_equal(out, [[3, 4, 9], [7, 5, 6], [0, 0, 0]])


@pytest.mark.parametrize("option", ["int8_weights", "int8_cache"])
def test_int8_is_near_and_its_drift_is_what_the_scorer_sees(option):
  ids = jnp.arange(12, dtype=jnp.int32)
  args = decoder, mild(), PROMPTS, LENGTHS, ids, jax.random.key(0)
  out = rollout.jitted(*args, rules=rules(), engine=Engine(**{option: True}))
  batch = as_rollouts(out)
  gap = jnp.abs(score(mild(), batch, 1.0) - batch.logp_old)
  assert 1e-5 < float(gap.max()) < 0.2


def test_a_second_turn_reads_only_what_is_new():
  """As if the whole conversation were the prompt, for rows of any length."""
  heard = jnp.asarray([[7, 8, 9], [11, 0, 0], [0, 0, 0], [4, 5, 0]], jnp.int32)
  lengths = jnp.asarray([3, 1, 0, 2], jnp.int32)
  prompts_, first = PROMPTS[:2], LENGTHS[:2]
  first_rules = rules(RARE, max_tokens=LONG)
  ids = jnp.arange(4, dtype=jnp.int32)
  weights = sampler.weights_of(decoder, variables(), Engine())
  state = sampler.start(
    decoder,
    weights,
    prompts_,
    first,
    ids,
    jax.random.key(0),
    rules=first_rules,
    engine=Engine(),
    slots=20,  # too few, as those of the second turn are
  )
  options = {"rules": first_rules, "keep_slots": True}
  state = sampler.run(decoder, weights, state, **options)
  one = rollout.finish(state)
  key = jax.random.key(5)
  state = sampler.next_turn(
    decoder, weights, state, heard, lengths, key, rules=first_rules
  )
  two = rollout.finish(sampler.run(decoder, weights, state, **options))
  for row in range(4):
    said = one.tokens[row, : int(one.mask[row].sum())].tolist()
    text = [*prompts_[row // 2, : int(first[row // 2])].tolist(), *said]
    text += heard[row, : int(lengths[row])].tolist()
    whole = rollout.jitted(
      decoder,
      variables(),
      jnp.asarray([text + [0] * (60 - len(text))], jnp.int32),
      jnp.asarray([len(text)], jnp.int32),
      ids[row : row + 1],
      key,
      rules=first_rules,
    )
    np.testing.assert_array_equal(two.tokens[row], whole.tokens[0])
    np.testing.assert_allclose(two.logp[row], whole.logp[0], atol=5e-4)
  few = Engine(slots=2)
  start = functools.partial(sampler.start, decoder, weights, engine=few, slots=4)
  lost = jax.eval_shape(start, prompts_, first, ids, key, rules=first_rules)
  with pytest.raises(UserError, match="2 slots for 4 rows"):
    sampler.next_turn(decoder, weights, lost, heard, lengths, key, rules=first_rules)


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
