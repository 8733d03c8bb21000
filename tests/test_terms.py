"""What single terms promise: gradients of divergences, weights, counts, controllers."""

import functools
import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.pick import call, load, names, needs, pick
from tests.batches import rollouts
from tests.references.rewards import repetition_penalty as repetition

# --- regularizers: expectations over a small vocabulary, exactly --------------------

LOGITS = jnp.array([0.3, -1.0, 0.5, 2.0])
REF_LOGITS = jnp.array([1.0, 0.1, -0.4, 0.2])
OLD_LOGITS = jnp.array([0.9, -0.5, 0.1, 1.0])


def enumerated(term, logits, ref, sampler):
  """Expectation over tokens of the sampler: of a term and of its gradient."""

  def per_sample(logits, token):
    one = jnp.ones((1, 1))
    fields = {
      "logp": one * jax.nn.log_softmax(logits)[token],
      "logp_ref": one * jax.nn.log_softmax(ref)[token],
      "logp_old": one * jax.nn.log_softmax(sampler)[token],
      "mask": one,
    }
    return jnp.sum(term(*(fields[name] for name in needs(term)))[0])

  tokens = jnp.arange(len(logits))
  values, grads = jax.vmap(jax.value_and_grad(per_sample), (None, 0))(logits, tokens)
  weight = jax.nn.softmax(sampler)
  return weight @ values, weight @ grads


def kl_of(a, b):
  p, q = jax.nn.log_softmax(a), jax.nn.log_softmax(b)
  return jnp.sum(jnp.exp(p) * (p - q))


def js_of(a, b):
  m = jnp.log(jax.nn.softmax(a) / 2 + jax.nn.softmax(b) / 2)  # as logits
  return kl_of(a, m) / 2 + kl_of(b, m) / 2


def alpha_of(alpha):
  def divergence(a, b):
    p, q = jax.nn.softmax(a), jax.nn.softmax(b)
    return (jnp.sum(q**alpha * p ** (1 - alpha)) - 1) / (alpha * (alpha - 1))

  return divergence


reverse, forward = kl_of, lambda a, b: kl_of(b, a)
nothing = lambda a, b: 0.0 * jnp.sum(a)
# name, hyper-parameters, the sampler, what it estimates, whose gradient it has
EXPECTED = [
  ("kl", {}, LOGITS, reverse, reverse),
  ("kl_k1", {}, LOGITS, reverse, nothing),
  ("kl_k2", {}, LOGITS, None, reverse),
  ("kl_k3", {}, LOGITS, reverse, forward),
  ("kl_importance", {}, LOGITS, reverse, reverse),
  ("kl_importance", {}, OLD_LOGITS, reverse, reverse),
  ("forward_kl", {}, LOGITS, forward, forward),
  ("js", {}, LOGITS, js_of, js_of),
  ("alpha_divergence", {"alpha": 0.5}, LOGITS, alpha_of(0.5), alpha_of(0.5)),
  ("alpha_divergence", {"alpha": 2.0}, LOGITS, alpha_of(2.0), alpha_of(2.0)),
  ("alpha_divergence", {"alpha": -1.0}, LOGITS, alpha_of(-1.0), alpha_of(-1.0)),
]


@pytest.mark.parametrize("name, hparams, sampler, value, slope", EXPECTED)
def test_expected_value_and_gradient(name, hparams, sampler, value, slope):
  term = pick("regularizers", name, coefficient=1.0, **hparams)
  got, grads = enumerated(term, LOGITS, REF_LOGITS, sampler)
  if value is not None:
    np.testing.assert_allclose(got, value(LOGITS, REF_LOGITS), atol=1e-6)
  expected = jax.grad(slope)(LOGITS, REF_LOGITS)
  assert slope is nothing or np.abs(expected).max() > 0.05
  np.testing.assert_allclose(grads, expected, atol=2e-6)


@pytest.mark.parametrize("name", names("regularizers"))
def test_first_metric_is_the_value_without_the_coefficient(name, strict_dtypes):
  """So that a controller can read it, and set the coefficient in a jitted step."""
  batch, outputs = rollouts()

  # The hook of the tests would have a float where a traced number may stand.
  method = inspect.unwrap(load("regularizers", name))

  @jax.jit
  def under(coefficient):
    return call(functools.partial(method, coefficient=coefficient), outputs, batch)

  term, metrics = under(jnp.float32(0.5))
  assert name in metrics
  sign = -1 if name == "entropy_bonus" else 1  # a bonus is what is maximised
  np.testing.assert_allclose(term, sign * 0.5 * metrics[name], rtol=1e-6)
  _, eager = call(pick("regularizers", name), outputs, batch)
  assert next(iter(eager)) == name


def two_steps(logits, first, second):
  """log-probs [1, 2] of a sequence of two tokens: logits [V] and [V, V]."""
  start, rest = logits
  steps = [jax.nn.log_softmax(start)[first], jax.nn.log_softmax(rest[first])[second]]
  return jnp.stack(steps)[None]


def two_step_models():
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.normal(size=shape).astype(np.float32))
  return (draw(3), draw(3, 3)), (draw(3), draw(3, 3))


def expected_over_sequences(scalar, logits):
  """E over the nine sequences of the policy of scalar(first, second)."""
  total = 0.0
  for first in range(3):
    for second in range(3):
      weight = jnp.exp(two_steps(logits, first, second).sum())
      total = total + jax.lax.stop_gradient(weight) * scalar(first, second)
  return total


def sequence_kl(logits, ref):
  """KL of the whole sequences."""
  start = jax.nn.softmax(logits[0])
  rest = jnp.stack([kl_of(logits[1][v], ref[1][v]) for v in range(3)])
  return kl_of(logits[0], ref[0]) + start @ rest


def test_kl_in_the_loss_takes_prefixes_as_given():
  """Over two steps: the gradient of each step's KL, prefixes held fixed."""
  logits, ref = two_step_models()
  method = pick("regularizers", "kl", coefficient=1.0)

  def loss(logits):
    each = lambda a, b: jnp.sum(
      method(two_steps(logits, a, b), two_steps(ref, a, b), jnp.ones((1, 2)))[0]
    )
    return expected_over_sequences(each, logits)

  def fixed(logits_now):
    start = jax.nn.softmax(logits[0])
    rest = jnp.stack([kl_of(logits_now[1][v], ref[1][v]) for v in range(3)])
    return kl_of(logits_now[0], ref[0]) + start @ rest

  value, grads = jax.value_and_grad(loss)(logits)
  np.testing.assert_allclose(value, sequence_kl(logits, ref), atol=1e-6)
  for got, expected in zip(grads, jax.grad(fixed)(logits), strict=True):
    np.testing.assert_allclose(got, expected, atol=1e-6)


# --- reductions ---------------------------------------------------------------------


def weights(name, batch, **hparams):
  return np.asarray(call(pick("reductions", name, **hparams), batch))


def test_sequence_sum_with_equal_lengths_is_sequence_mean():
  batch, _ = rollouts()
  mask = jnp.zeros_like(batch.mask).at[:5, 2:6].set(1.0)
  batch = batch.replace(mask=mask)
  got = weights("sequence_sum", batch, divisor=4.0)
  np.testing.assert_allclose(got, weights("sequence_mean", batch), rtol=1e-6)


def test_prompt_mean_gives_every_prompt_the_same_weight():
  batch, _ = rollouts()
  batch = batch.replace(mask=batch.mask.at[:3].set(0.0))  # one row of a prompt is left
  per_row = weights("prompt_mean", batch).sum(-1)
  groups = np.asarray(batch.group)
  sums = [per_row[groups == g].sum() for g in np.unique(groups)]
  np.testing.assert_allclose(sums, 1 / len(sums), rtol=1e-6)
  one = batch.replace(group=jnp.zeros_like(batch.group))
  np.testing.assert_allclose(
    weights("prompt_mean", one), weights("token_mean", one), rtol=1e-6
  )
  rows = batch.replace(group=jnp.arange(len(groups), dtype=jnp.int32))
  np.testing.assert_allclose(
    weights("prompt_mean", rows), weights("sequence_mean", rows), rtol=1e-6
  )


def test_drawn_token_mean_keeps_the_weight_of_what_is_left():
  batch, _ = rollouts()
  left = batch.replace(mask=batch.mask.at[0].set(0.0))
  full, fewer = weights("drawn_token_mean", batch), weights("drawn_token_mean", left)
  np.testing.assert_allclose(full, weights("token_mean", batch), rtol=1e-6)
  np.testing.assert_array_equal(fewer[1:], full[1:])
  assert fewer.sum() < 1 - 1e-3


# --- selectors ----------------------------------------------------------------------


def left(name, batch, **hparams):
  return np.asarray(call(pick("selectors", name, **hparams), batch))


def test_informative_groups_read_the_score_and_spread_groups_the_reward():
  batch, _ = rollouts()
  batch = batch.replace(
    score=jnp.array([1.0, 1, 1, 1, 0, 1, 0, 0]),
    rewards=jnp.array([0.9, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]),
    scored=jnp.ones(8),
  )
  mask = np.asarray(batch.mask)
  np.testing.assert_array_equal(left("informative_groups", batch)[4:], mask[4:])
  assert left("informative_groups", batch)[:4].sum() == 0
  np.testing.assert_array_equal(left("spread_groups", batch)[:4], mask[:4])
  assert left("spread_groups", batch)[4:].sum() == 0


@pytest.mark.parametrize("right, kept", [(0, 0), (1, 1), (5, 1), (8, 1), (9, 0)])
def test_difficulty_range_holds_both_ends(right, kept):
  rows = 10
  batch, _ = rollouts()
  widen = lambda x: jnp.resize(x, (rows, *x.shape[1:]))
  batch = jax.tree.map(widen, batch).replace(
    score=(jnp.arange(rows) < right).astype(jnp.float32),
    scored=jnp.ones(rows),
    group=jnp.zeros(rows, jnp.int32),
    mask=jnp.ones((rows, 9)),
  )
  low = 0.1 if right == 1 else 0.2
  got = left("difficulty_range", batch, low=low, high=0.8)
  np.testing.assert_array_equal(got, np.full(got.shape, kept))


def test_right_and_wrong_answers_make_up_the_batch():
  batch, _ = rollouts()
  both = left("only_correct", batch) + left("only_incorrect", batch)
  scored = np.asarray(batch.scored)[:, None]
  np.testing.assert_array_equal(both, np.asarray(batch.mask) * scored)
  assert left("only_correct", batch).sum() > 0
  assert left("only_incorrect", batch).sum() > 0


def entropies(count):
  """A batch of one group whose `count` trained tokens have distinct entropies."""
  batch, _ = rollouts()
  shape = batch.mask.shape
  flat = np.random.default_rng(0).permutation(shape[0] * shape[1]).reshape(shape)
  mask = (np.arange(flat.size) < count).reshape(shape).astype(np.float32)
  return batch.replace(
    mask=jnp.asarray(mask), entropy_old=jnp.asarray(flat.astype(np.float32))
  )


@pytest.mark.parametrize("tenths", [2, 3])
@pytest.mark.parametrize("count", range(1, 60, 2))
def test_top_entropy_tokens_against_the_rule_of_trl(count, tenths):
  """As the docstring says: its quantile keeps one fewer at small remainders."""
  batch = entropies(count)
  mask, entropy = np.asarray(batch.mask) > 0, np.asarray(batch.entropy_old)
  quantile = np.quantile(entropy[mask].astype(float), 1 - tenths / 10)
  theirs = int(np.sum(entropy[mask] >= quantile - 1e-9))
  ours = int(left("top_entropy_tokens", batch, fraction=tenths / 10).sum())
  assert ours == -(-count * tenths // 10)
  assert ours - theirs == int(0 < count * tenths % 10 < tenths)


def test_top_entropy_tokens_keeps_ties():
  batch = entropies(20)
  same = batch.replace(entropy_old=jnp.ones_like(batch.entropy_old))
  np.testing.assert_array_equal(left("top_entropy_tokens", same), same.mask)


# --- rewards ------------------------------------------------------------------------


def test_kl_penalty_k1_is_the_kl_of_whole_sequences():
  """Value and policy gradient, which no KL term of a loss has."""
  logits, ref = two_step_models()
  penalty = pick("rewards", "kl_penalty_k1", coefficient=1.0)

  def reward(first, second):
    steps = (two_steps(x, first, second) for x in (logits, ref))
    return jnp.sum(penalty(*steps, jnp.ones((1, 2))))

  np.testing.assert_allclose(
    -expected_over_sequences(reward, logits), sequence_kl(logits, ref), atol=1e-6
  )
  surrogate = lambda x: expected_over_sequences(
    lambda a, b: -reward(a, b) * two_steps(x, a, b).sum(), logits
  )
  expected = jax.grad(sequence_kl)(logits, ref)
  for got, want in zip(jax.grad(surrogate)(logits), expected, strict=True):
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_soft_overlong_at_the_lengths_of_the_paper():
  lengths = jnp.array([16384, 16385, 18432, 20480, 20481])
  mask = (jnp.arange(20500)[None, :] < lengths[:, None]).astype(jnp.float32)
  got = pick("rewards", "soft_overlong")(mask)
  np.testing.assert_allclose(got, [0, -1 / 4096, -0.5, -1, -1], rtol=1e-6)


def test_cosine_length_prefers_short_right_and_long_wrong_answers():
  lengths = np.array([1, 4, 7, 8, 1, 4, 7, 8])
  mask = jnp.asarray((np.arange(8)[None] < lengths[:, None]).astype(np.float32))
  score = jnp.array([1.0] * 4 + [0.0] * 4)
  method = pick("rewards", "cosine_length", max_tokens=8)
  got = np.asarray(method(mask, score, jnp.ones(8)))
  assert got[0] > got[1] > got[2] > got[3] and got[4] < got[5] < got[6]
  np.testing.assert_allclose(got[[1, 5]], [1.5, -5.0], rtol=1e-6)
  np.testing.assert_allclose(got[[3, 7]], -10.0)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 13])
@pytest.mark.parametrize("only_start", [False, True])
def test_repetition_penalty_of_long_rows(n, only_start):
  """Windows of every size against a set of the windows seen, masks with holes."""
  rng = np.random.default_rng(n)
  tokens = rng.integers(0, 2, size=(6, 60)).astype(np.int32)
  tokens[0] = 7
  mask = (rng.uniform(size=tokens.shape) < 0.97).astype(np.float32)
  mask[:, :3] = 0
  method = pick(
    "rewards", "repetition_penalty", n=n, penalty=1.0, only_start=only_start
  )
  expected = repetition.repetition_penalty(
    tokens, mask, n=n, penalty=1.0, only_start=only_start
  )
  assert expected.any()
  np.testing.assert_array_equal(
    method(jnp.asarray(tokens), jnp.asarray(mask)), expected
  )


# --- controllers --------------------------------------------------------------------


def run_of(controller, values):
  """(the coefficient, what acts next) after each value."""
  coefficient, seen = jnp.float32(controller.initial), []
  for value in jnp.asarray(values, jnp.float32):
    coefficient = jax.jit(controller.update)(coefficient, value)
    assert coefficient.shape == () and coefficient.dtype == jnp.float32
    acts = jax.jit(controller.gate)(coefficient, value)
    seen.append((float(coefficient), float(acts)))
  return np.array(seen)


CONTROLLERS = [
  ("adaptive_kl", {}, 12.0),
  ("adaptive_kl", {"initial": 0.05, "target": 1.0}, 2.0),
  ("adaptive_kl", {"target": 1.0, "horizon": 1000, "rows": 64}, 2.0),
  ("adaptive_entropy", {}, 0.4),
  ("adaptive_entropy", {"initial": 0.1, "target": 0.5, "delta": 0.05}, 1.0),
  ("adaptive_entropy", {"initial": 0.1, "low": 0.09, "high": 0.11}, 0.4),
]


@pytest.mark.parametrize("name, hparams, scale", CONTROLLERS)
def test_controller_matches_its_reference(name, hparams, scale, strict_dtypes):
  values = scale * np.random.default_rng(0).uniform(size=40)
  values[3] = hparams.get("target", 0.2)  # exactly on target
  controller = pick("controllers", name, **hparams)()
  module = importlib.import_module(f"tests.references.controllers.{name}")
  expected, state = [], None
  for value in values.astype(np.float32).astype(float):
    state, acts = getattr(module, name)(state, value, **hparams)
    expected.append((state, acts))
  np.testing.assert_allclose(run_of(controller, values), expected, rtol=2e-5, atol=1e-6)


def test_adaptive_kl_moves_at_most_a_fifth_of_rows_over_horizon():
  controller = pick("controllers", "adaptive_kl", initial=1.0, horizon=1000, rows=100)()
  for value, expected in ((1e9, 1.02), (0.0, 0.98), (6.0, 1.0), (6.6, 1.01)):
    got = controller.update(jnp.float32(1.0), jnp.float32(value))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_adaptive_entropy_acts_only_at_or_under_its_target():
  controller = pick("controllers", "adaptive_entropy", initial=0.5, target=0.25)()
  seen = run_of(controller, [0.3, 0.25, 0.1, 0.3])
  np.testing.assert_allclose(seen[:, 0], [0.495, 0.495, 0.5, 0.495], rtol=1e-6)
  np.testing.assert_allclose(seen[:, 1], [0, 0.495, 0.5, 0], rtol=1e-6)
  for bad in (jnp.nan, -jnp.inf):
    assert float(controller.gate(jnp.float32(0.5), jnp.float32(bad))) == 0


@pytest.mark.parametrize("name", ["adaptive_kl", "adaptive_entropy"])
def test_a_value_that_is_not_finite_moves_nothing(name):
  controller = pick("controllers", name)()
  for bad in (jnp.nan, jnp.inf, -jnp.inf):
    got = controller.update(jnp.float32(0.25), jnp.float32(bad))
    np.testing.assert_allclose(got, 0.25)
