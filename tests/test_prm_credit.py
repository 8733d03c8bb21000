"""Advantages of process scores: the properties their papers state."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import credit, segments
from jaxrl.pick import call, pick
from tests.batches import responses, rollouts, several

ADVANTAGES = ("pure_token", "pure_step", "pav", "tp_grpo", "prime", "prime_recipe")


def advantage(name, rows, **hparams):
  return np.asarray(call(pick("advantages", name, **hparams), rows), float)


def counted(rows):
  """As the train loop has it: rows without a verdict are masked; nor is one empty."""
  mask = rows.mask * rows.scored[:, None]
  return rows.replace(mask=mask, scored=jnp.max(mask, axis=1))


def close(got, expected, atol=1e-6):
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=atol)


# --- PURE's advantages --------------------------------------------------------------


def with_pure_rewards(rows, *rewards):
  return credit.reward(rows, rewards or (pick("rewards", "prm_step"),))


def test_pure_token_by_hand():
  rows = with_pure_rewards(
    responses(
      [0.5, -0.3], [0.4], [None], tokens=[[1, 3], [2], [5]], score=[1.0, 0.0, 0.0]
    )
  )
  got = advantage("pure_token", rows, outcome_coefficient=0.0, train_separators=True)
  # Others of the first: 0.4 over 2 tokens. Of the second: 0.2 over 4 tokens.
  first = [0.5 - 0.2, -0.3 - 0.6]
  close(got[0, :4], [sum(first), first[1], first[1], first[1]])
  close(got[1, :2], [0.4 - 0.1] * 2)
  close(got[2], 0.0)
  both = advantage("pure_token", rows, train_separators=True)
  close((both - got)[[0, 1, 2], 0], [1.0, -0.5, -0.5])
  quiet = advantage("pure_token", rows)
  close(quiet[0, :4], [0.0, *both[0, 1:4]])


def test_pure_step_by_hand():
  rows = with_pure_rewards(
    responses(
      [0.5, -0.3], [0.4], [None], tokens=[[1, 3], [2], [5]], score=[1.0, 0.0, 0.0]
    )
  )
  got = advantage("pure_step", rows, outcome_coefficient=0.0, train_separators=True)
  close(got[0, :4], [0.2 - 0.8, *[-0.3 - 0.4] * 3])
  close(got[1, :2], [0.4 - 0.1] * 2)
  close(got[2], 0.0)
  close(advantage("pure_step", rows)[0, :4], [0.0, *[-0.7 + 1.0] * 3])


def test_the_baseline_by_tokens_does_not_care_how_many_steps_there_are():
  """That by steps does: the reason for the default."""
  start = {"pure_token": [], "pure_step": []}
  for cut in ([0.6], [0.3, 0.3], [0.2, 0.2, 0.2]):
    tokens = [[6 // len(cut)] * len(cut), [2, 4]]
    rows = with_pure_rewards(responses(cut, [0.5, 0.4], tokens=tokens))
    for name, found in start.items():
      # The first token is no separator: each step has two or more.
      found.append(advantage(name, rows, outcome_coefficient=0.0)[0, 0])
  close(start["pure_token"], [0.6 - 0.9] * 3)
  close(start["pure_step"], [0.6 - 0.45, 0.6 - 0.9, 0.6 - 1.35])


@pytest.mark.parametrize("name", ["pure_token", "pure_step"])
def test_pure_without_others_or_steps(name):
  alone = with_pure_rewards(
    responses([0.5, 0.2], [0.1], group=[0, 1], score=[1.0, 0.0])
  )
  got = advantage(name, alone, train_separators=True)
  close(got[0], [0.7, 0.7, 0.2, 0.2])
  close(got[1], [0.1 - 1, 0.1 - 1, 0, 0])
  bare = with_pure_rewards(responses([None], [None, None], score=[1.0, 0.0]))
  close(advantage(name, bare)[:, 0], [1.0, -1.0])
  flat = with_pure_rewards(responses([0.3, 0.3], [0.3, 0.3], score=[1.0, 1.0]))
  close(advantage(name, flat), 0.0)


def test_a_kl_penalty_is_summed_up_as_it_is():
  rows = responses([0.5], [0.5], tokens=[[4], [4]])
  penalty = jnp.asarray([[-1.0, -2.0, -4.0, 0.0], [0.0] * 4])
  rows = rows.replace(token_rewards=penalty + rows.step_scores)
  got = advantage("pure_token", rows, outcome_coefficient=0.0)
  close(got, [[-7.0, -6.0, -4.0, 0.0], [0.0] * 4])


# --- PAV ----------------------------------------------------------------------------


@pytest.mark.parametrize("k, expected", [(1, 0.2), (4, 0.1776), (32, 1.1e-5)])
def test_progress_under_the_best_of_k(k, expected):
  rows = responses([0.3, 0.5], [0.3, 0.3])
  got = advantage("pav", rows, alpha=1.0, prover_k=k)
  np.testing.assert_allclose(got[0, 2:], expected, rtol=2e-2)
  np.testing.assert_array_equal(got[1, 2:], 0.0)  # a step that changes nothing


def test_pav_without_alpha_is_the_group_mean():
  for rows, _ in several().values():
    rows = counted(rows)
    one, other = advantage("pav", rows, alpha=0.0), advantage("group_mean", rows)
    np.testing.assert_array_equal(one, other)


def test_progress_is_the_own_steps_and_is_not_summed():
  rows = responses([0.2, 0.9, None, 0.4], [0.5], score=[1.0, 0.0])
  got = advantage("pav", rows, alpha=2.0, prover_k=1) - advantage("group_mean", rows)
  close(got[0], 2.0 * np.repeat([0.2 - 0.5, 0.7, 0.0, -0.5], 2))
  close(got[1, :2], 0.0)


def test_with_the_policy_as_prover_the_gradient_is_the_outcomes_times_1_plus_alpha():
  """All four responses of two steps of two choices, once each, as a uniform policy."""
  leaf = np.asarray([1.0, 1.0, 0.0, 1.0])
  middle = np.repeat([leaf[:2].mean(), leaf[2:].mean()], 2)
  rows = responses(*np.stack([middle, leaf], axis=1).tolist(), tokens=1, score=leaf)

  def gradient(alpha):
    """By the logit of the second choice, in the three states."""
    weight = advantage("pav", rows, alpha=alpha, prover_k=1) / 4
    sign = np.asarray([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
    slope = weight * sign
    return np.asarray([slope[:, 0].sum(), slope[:2, 1].sum(), slope[2:, 1].sum()])

  outcome = gradient(0.0)
  assert np.any(np.abs(outcome) > 0.1)
  close(gradient(3.0), 4.0 * outcome)


# --- TP-GRPO ------------------------------------------------------------------------


def test_the_four_advantages():
  rows = responses([0.9, 0.1], [0.8, 0.2], [0.7], [0.6], score=[1.0, 0.0, 0.0, 0.0])
  z = np.asarray([1.5, -0.5, -0.5, -0.5])  # of +-1, with std 1
  got = advantage("tp_grpo", rows, alpha=2.0)
  close(got[0], [z[0], z[0], z[0] - 0.5, z[0] - 0.5])
  close(got[1], [z[1], z[1], 0.0, 0.0])
  close(got[2, :2], z[2])


def test_how_a_thought_is_cut_makes_no_difference():
  one = responses([0.9, 0.1, 0.8], [0.3], tokens=[[2, 5, 1], [8]], score=[1.0, 0.0])
  cut = [0.9, *[0.1] * 5, 0.8]
  five = responses(cut, [0.3], tokens=[[2, *[1] * 5, 1], [8]], score=[1.0, 0.0])
  got = advantage("tp_grpo", one)
  np.testing.assert_array_equal(got, advantage("tp_grpo", five))
  assert len(np.unique(got[0])) == 2


def test_groups_of_one_outcome_leave_the_charge_alone():
  scores = [[0.9, 0.1], [0.9, 0.2]]
  wrong = advantage("tp_grpo", responses(*scores, score=[0.0, 0.0]))
  np.testing.assert_array_equal(wrong, 0.0)
  right = advantage("tp_grpo", responses(*scores, score=[1.0, 1.0]), alpha=0.7)
  close(right, [[0.0, 0.0, -0.7, -0.7]] * 2)
  alone = advantage("tp_grpo", responses([0.1], [0.1], group=[0, 1], score=[1.0, 0.0]))
  close(alone, [[-1.0, -1.0], [0.0, 0.0]])


def test_steps_without_a_verdict_get_the_outcomes_advantage():
  rows = responses([None, 0.1], [None], score=[1.0, 0.0])
  got = advantage("tp_grpo", rows)
  z = np.sqrt(0.5)
  close(got, [[z, z, z - 0.5, z - 0.5], [-z, -z, 0.0, 0.0]])


# --- PRIME --------------------------------------------------------------------------


def test_each_source_is_centred_over_the_group():
  rows = counted(rollouts()[0])
  mask, group = np.asarray(rows.mask), np.asarray(rows.group)
  last = np.asarray(jnp.where(jnp.cumsum(rows.mask[:, ::-1], 1)[:, ::-1] == 1, mask, 0))
  for on in (mask, last):
    centred = segments.leave_one_out(rows.prm_log_ratio, jnp.asarray(on), rows.group)
    means = np.sum(centred * on, axis=1) / np.maximum(on.sum(axis=1), 1)
    for one in np.unique(group):
      close(means[group == one].sum(), 0.0)
    assert np.any(np.abs(means) > 0.01)


@pytest.mark.parametrize("name", ["prime", "prime_recipe"])
def test_prime_without_process_is_whitened_rloo(name):
  rows = counted(rollouts()[0])
  rloo = advantage("rloo", rows)
  seen = rloo[np.asarray(rows.mask) > 0]
  expected = (rloo - seen.mean()) / np.sqrt(seen.var(ddof=1) + 1e-8)
  got = advantage(name, rows, process_coefficient=0.0)
  close(got, np.where(rows.mask > 0, expected, 0.0), atol=1e-5)


def test_a_constant_of_a_group_changes_nothing_in_prime():
  rows = counted(rollouts()[0])
  moved = rows.replace(prm_log_ratio=rows.prm_log_ratio + 0.7)
  one = advantage("prime", rows, batch_norm=False)
  close(one, advantage("prime", moved, batch_norm=False), atol=1e-4)
  scaled = rows.replace(prm_log_ratio=10 * rows.prm_log_ratio)
  close(advantage("prime", rows), advantage("prime", scaled), atol=1e-4)


def test_the_recipe_leaves_out_the_last_token_and_prime_does_not():
  rows = counted(rollouts()[0])
  last = jnp.where(jnp.cumsum(rows.mask[:, ::-1], 1)[:, ::-1] == 1, rows.mask, 0.0)
  moved = rows.replace(prm_log_ratio=rows.prm_log_ratio + 3.0 * last)
  one, other = (advantage("prime_recipe", x) for x in (rows, moved))
  np.testing.assert_array_equal(one, other)
  assert np.any(np.abs(advantage("prime", rows) - advantage("prime", moved)) > 0.1)
  close(one, advantage("prime_recipe", rows, beta=0.5), atol=1e-3)
  bare = [
    advantage("prime_recipe", rows, batch_norm=False, beta=b) for b in (0.05, 5.0)
  ]
  assert np.any(np.abs(bare[0] - bare[1]) > 0.1)


@pytest.mark.parametrize("name", ["prime", "prime_recipe"])
def test_prime_of_equal_responses_and_of_single_ones(name):
  rows = responses([None], [None], [None], score=[0.1, 0.1, 0.1], prm_log_ratio=0)
  rows = rows.replace(prm_log_ratio=jnp.zeros_like(rows.mask))
  np.testing.assert_array_equal(advantage(name, rows), 0.0)
  alone = rows.replace(group=jnp.arange(3), rewards=jnp.asarray([1.0, 0.0, 0.0]))
  got = advantage(name, alone)
  assert np.all(got[0] > 0) and np.all(got[1:] < 0)


# --- all of them --------------------------------------------------------------------


@pytest.mark.parametrize("name", ADVANTAGES)
def test_rows_that_the_train_loop_masks_count_for_nothing(name):
  """Whatever stands in their steps and scores."""
  rows, _ = rollouts(5)
  hidden = np.asarray(rows.scored) == 0
  rows = rows.replace(mask=rows.mask * rows.scored[:, None])
  spoilt = lambda x: jnp.where(hidden.reshape(-1, *[1] * (x.ndim - 1)), jnp.nan, x)
  fields = ("score", "rewards", "token_rewards", "step_scores", "prm_log_ratio")
  other = rows.replace(**{field: spoilt(getattr(rows, field)) for field in fields})
  np.testing.assert_array_equal(advantage(name, rows), advantage(name, other))


@pytest.mark.parametrize("name", ADVANTAGES)
def test_without_scored_steps_all_is_finite(name):
  for rows, _ in several().values():
    bare = rows.replace(step_scored=jnp.zeros_like(rows.step_scored))
    assert np.all(np.isfinite(advantage(name, bare)))
    assert np.all(advantage(name, bare)[np.asarray(rows.mask) == 0] == 0)
