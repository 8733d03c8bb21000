"""Advantages: goldens of other libraries, identities from the papers."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.pick import call, needs, pick
from tests.batches import poisoned, rollouts, several


def of_group(name, rewards, **hparams):
  """Advantages of one group of one-token responses."""
  count = len(rewards)
  arrays = {
    "rewards": jnp.asarray(rewards, jnp.float32),
    "scored": jnp.ones(count),
    "group": jnp.zeros(count, jnp.int32),
    "mask": jnp.ones((count, 1)),
  }
  method = pick("advantages", name, **hparams)
  return np.asarray(method(*(arrays[name] for name in needs(method))))[:, 0]


def of_row(stage, name, **hparams):
  """What a method makes of the batch with a tool's answer amid the response."""
  batch, _ = several()["token_credit"]
  return np.asarray(call(pick(stage, name, **hparams), batch)), batch


def compacted(batch):
  """The batch with its trained tokens moved to the front of their rows."""
  order = jnp.argsort(batch.mask <= 0, axis=1, stable=True)
  move = lambda x: jnp.take_along_axis(x, order, axis=1)
  names = ("mask", "token_rewards", "values_old", "logp_old", "collision_old")
  return batch.replace(**{name: move(getattr(batch, name)) for name in names})


# --- numbers of other libraries -----------------------------------------------------


def test_leave_one_out_norm_is_nemo_rls():
  got = of_group("leave_one_out_norm", [1, 0, 0, 0, 0, 0, 0, 0])
  np.testing.assert_allclose(got, [1.0] + [-0.377963] * 7, atol=2e-6)


def test_group_norm_is_nemo_rls_without_leave_one_out():
  got = of_group("group_norm", [1, 0, 0, 0, 0, 0, 0, 0])
  np.testing.assert_allclose(got, [2.474867] + [-0.353552] * 7, atol=2e-6)


@pytest.mark.parametrize("count", [2, 7, 15, 33])
@pytest.mark.parametrize("value", [0.95, 0.1, 1 / 3])
def test_equal_others_do_not_blow_up(value, count):
  """NeMo-RL's spike of issue 4158: rounding of the others' mean is no deviation."""
  got = of_group("leave_one_out_norm", [0.0] + [value] * count)
  np.testing.assert_allclose(got[0], -value, rtol=1e-6)
  assert np.all(np.abs(got) < 5)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 + 0.1])
@pytest.mark.parametrize(
  "name",
  [
    "gpg",
    "group_mean",
    "grpo_passk",
    "leave_one_out_norm",
    "lite_ppo",
    "maxrl",
    "opo",
    "pass_at_k_norm",
    "pkpo",
    "reinforce_plus_plus_baseline",
    "rloo",
    "rloo_norm",
  ],
)
def test_equal_rewards_are_worth_exactly_nothing(name, value):
  np.testing.assert_array_equal(of_group(name, [value] * 7), 0)


# --- pass@k -------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_pkpo_is_the_sum_over_all_subsets(k):
  rewards = np.array([0.3, -1.0, 0.3, 2.0, 0.9, 0.0, 1.5, 2.0])
  expected = np.zeros(8)
  for i in range(8):
    others = [j for j in range(8) if j != i]
    subsets = list(itertools.combinations(others, k - 1))
    best = [max(rewards[list(s)], default=rewards[others].mean()) for s in subsets]
    gains = [rewards[i] - b if k == 1 else max(rewards[i] - b, 0) for b in best]
    expected[i] = k * np.mean(gains)
  np.testing.assert_allclose(of_group("pkpo", rewards, k=k), expected, rtol=2e-6)


def test_pkpo_between_its_ends():
  rewards = [0.25, 1.0, 0.5, 0.0, 0.625]
  one, most = of_group("pkpo", rewards, k=1), of_group("pkpo", rewards, k=5)
  np.testing.assert_allclose(one, of_group("rloo", rewards), rtol=1e-6)
  np.testing.assert_allclose(most, 5 * of_group("grpo_passk", rewards), rtol=1e-6)
  np.testing.assert_array_equal(of_group("pkpo", rewards, k=9), most)


def expected_gradient(name, worth, chances, count, **hparams):
  """E[mean_i A_i grad log p(x_i)] over every draw of `count` answers, by the logits."""
  total = np.zeros(len(chances))
  for draw in itertools.product(range(len(chances)), repeat=count):
    advantage = of_group(name, [worth[x] for x in draw], **hparams)
    scores = np.eye(len(chances))[list(draw)] - chances
    total += np.prod(chances[list(draw)]) * np.mean(advantage[:, None] * scores, axis=0)
  return total


def slope(objective, chances):
  """Derivative by the logits of the policy, by differences."""
  found = []
  for at in np.eye(len(chances)):
    moved = []
    for sign in (1, -1):
      weights = chances * np.exp(sign * 1e-5 * at)
      moved.append(objective(weights / weights.sum()))
    found.append((moved[0] - moved[1]) / 2e-5)
  return np.array(found)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pkpo_is_unbiased(k):
  worth, chances = np.array([0.0, 0.5, 2.0]), np.array([0.5, 0.3, 0.2])

  def best_of_k(p):
    draws = itertools.product(range(3), repeat=k)
    return sum(np.prod(p[list(d)]) * max(worth[list(d)]) for d in draws)

  got = expected_gradient("pkpo", worth, chances, 3, k=k)
  np.testing.assert_allclose(got, slope(best_of_k, chances), atol=1e-6)


def test_maxrl_climbs_the_likelihood_cut_off():
  worth, chances = np.array([0.0, 1.0]), np.array([0.7, 0.3])
  series = lambda p: sum((1 - p[0] ** k) / k for k in (1, 2, 3))
  got = expected_gradient("maxrl", worth, chances, 4)
  np.testing.assert_allclose(got, slope(series, chances), atol=1e-6)


@pytest.mark.parametrize("rewards", [[-1.0, 1.0], [-1.0, 0.5], [0.0, 0.0]])
def test_maxrl_has_no_likelihood_to_climb_without_success(rewards):
  np.testing.assert_array_equal(of_group("maxrl", rewards), 0)


def test_rloo_is_unbiased():
  worth, chances = np.array([0.0, 0.5, 2.0]), np.array([0.5, 0.3, 0.2])
  got = expected_gradient("rloo", worth, chances, 3)
  np.testing.assert_allclose(got, slope(lambda p: p @ worth, chances), atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
@pytest.mark.parametrize("right", [1, 3, 6])
def test_pass_at_k_norm_is_the_mean_over_all_subsets(k, right):
  rewards = np.array([1.0] * right + [0.0] * (8 - right))
  subsets = np.array(list(itertools.combinations(range(8), k)))
  solved = rewards[subsets].max(axis=1)
  expected = np.zeros(8)
  if solved.std() > 0:
    z = (solved - solved.mean()) / solved.std()
    expected = [z[(subsets == i).any(axis=1)].mean() for i in range(8)]
  got = of_group("pass_at_k_norm", rewards, k=k)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_large_groups_stay_finite():
  rewards = np.random.default_rng(0).integers(0, 2, size=600)
  for name in ("pkpo", "pass_at_k_norm"):
    got = of_group(name, rewards, k=300)
    assert np.all(np.isfinite(got))


# --- token by token -----------------------------------------------------------------

TOKEN_WISE = [
  ("advantages", "gae", {"whiten": False, "discount": 0.9}),
  ("advantages", "vapo_gae", {"whiten": False, "alpha": 0.5, "discount": 0.9}),
  ("advantages", "reinforce_plus_plus", {"discount": 0.9}),
  ("advantages", "remax", {}),
  ("advantages", "optimal_token_baseline", {}),
  ("value_targets", "lambda_return", {"discount": 0.9}),
]


@pytest.mark.parametrize("stage, name, hparams", TOKEN_WISE)
def test_masked_tokens_are_as_if_cut_out(stage, name, hparams):
  got, batch = of_row(stage, name, **hparams)
  short = compacted(batch)
  again = np.asarray(call(pick(stage, name, **hparams), short))
  mask = np.asarray(batch.mask) > 0
  holes = mask.cumsum(axis=1) < mask.sum(axis=1, keepdims=True)
  assert np.any(~mask & holes & (mask.cumsum(axis=1) > 0)), "no tool's answer in it"
  for row, other, on, front in zip(got, again, mask, short.mask, strict=True):
    np.testing.assert_allclose(row[on], other[front > 0], rtol=1e-5, atol=1e-6)


def rewards_to_come(batch, discount=1.0):
  """Loop from the end, over trained tokens."""
  found = np.zeros(batch.mask.shape)
  for i, row in enumerate(np.asarray(batch.mask)):
    total = 0.0
    for t in np.flatnonzero(row)[::-1]:
      total = float(batch.token_rewards[i, t]) + discount * total
      found[i, t] = total
  return found


def test_gae_without_a_critic_is_the_reward_to_go():
  batch, _ = several()["token_credit"]
  batch = batch.replace(values_old=jnp.zeros_like(batch.mask))
  method = pick("advantages", "gae", lambda_=1.0, discount=0.9, whiten=False)
  expected = rewards_to_come(batch, 0.9)
  np.testing.assert_allclose(call(method, batch), expected, rtol=1e-5, atol=1e-6)


def test_gae_with_lambda_zero_is_the_td_error():
  batch, _ = rollouts()
  got = call(pick("advantages", "gae", lambda_=0.0, whiten=False), batch)
  mask, values = np.asarray(batch.mask), np.asarray(batch.values_old)
  after = np.pad((values * mask)[:, 1:], ((0, 0), (0, 1)))
  expected = (np.asarray(batch.token_rewards) + after - values) * mask
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_lambda_return_of_one_is_monte_carlo_whatever_the_critic_says():
  got, batch = of_row("value_targets", "lambda_return", lambda_=1.0)
  np.testing.assert_allclose(got, rewards_to_come(batch), rtol=1e-5, atol=2e-6)


def test_lambda_return_is_gae_plus_the_value():
  got, batch = of_row("value_targets", "lambda_return")
  advantage, _ = of_row("advantages", "gae", whiten=False)
  expected = advantage + np.asarray(batch.values_old * batch.mask)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_vapo_of_endless_responses_is_lambda_one():
  got, _ = of_row("advantages", "vapo_gae", alpha=1e9)
  expected, _ = of_row("advantages", "gae", lambda_=1.0)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
  "name",
  ["gae", "vapo_gae", "reinforce_plus_plus", "reinforce_plus_plus_baseline"],
)
def test_whitened_tokens_have_mean_zero_and_deviation_one(name):
  got, batch = of_row("advantages", name)
  on = np.asarray(batch.mask * batch.scored[:, None]) > 0
  if name != "reinforce_plus_plus_baseline":
    on = np.asarray(batch.mask) > 0
  assert abs(got[on].mean()) < 1e-6
  np.testing.assert_allclose(got[on].std(ddof=1), 1, rtol=1e-5)


def test_whitening_does_not_blow_up_rounding():
  """Every token has the same return; the mean of 3000 of them is a little off."""
  mask = jnp.ones((3, 1000))
  returns = jnp.zeros_like(mask).at[:, -1].set(0.7)
  got = pick("advantages", "reinforce_plus_plus")(returns, mask)
  np.testing.assert_array_equal(got, 0)


def test_long_rows_are_scanned_as_precisely_as_short_ones():
  length = 5000
  mask = jnp.ones((1, length)).at[0, 17].set(0.0)
  rewards = jnp.full((1, length), 0.01)
  got = pick("value_targets", "lambda_return", lambda_=1.0, discount=0.999)(
    rewards, jnp.zeros_like(mask), mask
  )
  discount = float(np.float32(0.999))
  expected = 0.01 * (1 - discount ** (length - 1)) / (1 - discount)
  np.testing.assert_allclose(got[0, 0], expected, rtol=1e-5)


# --- the rest -----------------------------------------------------------------------


def test_remax_with_the_reward_at_the_end_is_a_difference():
  batch, _ = rollouts()
  got = np.asarray(call(pick("advantages", "remax"), batch))
  expected = (batch.rewards - batch.greedy_rewards)[:, None] * batch.mask
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_rloo_norm_leaves_rows_without_peers_out_of_the_deviation():
  rewards, group = jnp.asarray([0.0, 1.0, 0.5, 1.0]), jnp.asarray([0, 0, 0, 1])
  method = pick("advantages", "rloo_norm", epsilon=0.0)
  got = method(rewards, jnp.ones(4), group, jnp.ones((4, 1)))[:, 0]
  np.testing.assert_allclose(got, [-1, 1, 0, 0], atol=1e-6)


def test_opo_of_equal_lengths_is_the_group_mean():
  rewards = [0.0, 1.0, 0.25, 0.5]
  expected = of_group("group_mean", rewards)
  np.testing.assert_allclose(of_group("opo", rewards), expected, atol=1e-7)


def test_otb_of_equal_energy_is_the_group_mean():
  batch, _ = rollouts()
  flat = batch.replace(
    mask=jnp.ones_like(batch.mask),
    logp_old=jnp.full_like(batch.logp_old, -1.0),
    collision_old=jnp.full_like(batch.collision_old, 0.5),
    token_rewards=jnp.zeros_like(batch.mask).at[:, -1].set(batch.rewards),
    scored=jnp.ones_like(batch.scored),
  )
  got = call(pick("advantages", "optimal_token_baseline"), flat)
  expected = call(pick("advantages", "group_mean"), flat)
  np.testing.assert_allclose(got, expected, atol=1e-6)


def test_gpg_undoes_silent_groups():
  """Two groups of four, one of them flat: what is left counts twice."""
  batch, _ = rollouts()
  batch = batch.replace(scored=jnp.ones_like(batch.scored))
  got = call(pick("advantages", "gpg"), batch)
  expected = 2 * call(pick("advantages", "group_mean"), batch)
  np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_gdpo_of_one_reward_is_group_norm_of_unit_deviation():
  rewards = jnp.asarray([0.0, 1.0, 0.5, 0.0])
  ones, group = jnp.ones(4), jnp.zeros(4, jnp.int32)
  method = pick("advantages", "gdpo", epsilon=0.0)
  got = method(rewards[:, None], ones, group, jnp.ones((4, 1)))[:, 0]
  expected = of_group("group_norm", rewards, epsilon=0.0)
  np.testing.assert_allclose(got, expected / expected.std(ddof=1), rtol=1e-5)


def test_gdpo_keeps_apart_what_a_sum_confuses():
  """The paper's example: (1, 0) and (0, 1) have one sum, and two rarities."""
  parts = jnp.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
  ones, group = jnp.ones(4), jnp.zeros(4, jnp.int32)
  got = pick("advantages", "gdpo")(parts, ones, group, jnp.ones((4, 1)))[:, 0]
  assert got[0] > got[1] + 0.1
  with pytest.raises(ValueError, match="zip"):
    pick("advantages", "gdpo", weights=(1.0,))(parts, ones, group, jnp.ones((4, 1)))


def test_a_star_leaves_out_what_was_not_drawn():
  reference = jnp.asarray([[1.0, 0.0, jnp.nan], [jnp.nan] * 3, [1.0, 1.0, 1.0]])
  ones = jnp.ones(3)
  got = pick("advantages", "a_star")(ones, reference, ones, jnp.ones((3, 1)))[:, 0]
  value = 0.5 * np.log((np.exp(2) + 1) / 2)
  np.testing.assert_allclose(got, [1 - value, 0, 0], atol=1e-6)


@pytest.mark.parametrize("beta1", [1e-3, 1e3])
def test_a_star_lies_between_the_mean_and_the_best(beta1):
  reference, ones = jnp.asarray([[1.0, 0.0, 0.0, 0.0]]), jnp.ones(1)
  method = pick("advantages", "a_star", beta1=beta1)
  got = method(ones, reference, ones, jnp.ones((1, 1)))
  expected = {1e-3: 0.0, 1e3: 0.75}[beta1]
  np.testing.assert_allclose(got, [[expected]], atol=2e-3)


def test_weighted_reinforce_does_not_look_at_the_group():
  for rewards in ([0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]):
    expected = [0.1 if r else -1.0 for r in rewards]
    np.testing.assert_allclose(of_group("weighted_reinforce", rewards), expected)


@pytest.mark.parametrize(
  "name", ["gae", "optimal_token_baseline", "reinforce_plus_plus", "vapo_gae"]
)
def test_one_trained_token_is_finite(name):
  batch, _ = rollouts()
  one = jnp.zeros_like(batch.mask).at[0, 3].set(1.0)
  batch = poisoned(batch.replace(mask=one), one, np.nan)
  assert np.all(np.isfinite(call(pick("advantages", name), batch)))
