"""Rewards of process scores: the properties their papers state."""

import numpy as np
import pytest

from jaxrl import credit
from jaxrl.pick import call, pick
from tests.batches import responses

SEQUENCE = ("prm_product", "prm_minimum", "prm_mean", "prm_maximum")
PER_STEP = (
  *("prm_step", "prm_sum", "prm_clip", "prm_delta", "prm_clip_delta"),
  *("pure", "prm_lines"),
)


def reward(name, rows, **hparams):
  return np.asarray(call(pick("rewards", name, **hparams), rows), float)


def returns(rows, *rewards):
  """For each row, what is earned from each of its scored steps' ends on."""
  out = credit.reward(rows, rewards)
  to_go = np.cumsum(np.asarray(out.token_rewards, float)[:, ::-1], axis=1)[:, ::-1]
  ends = np.asarray(rows.step_scored) > 0
  return [to_go[i, ends[i]] for i in range(len(to_go))]


def close(got, expected, atol=1e-6):
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=atol)


# --- one number a response ----------------------------------------------------------


def test_product_minimum_mean_and_maximum_are_in_this_order():
  rng = np.random.default_rng(0)
  rows = responses(*[rng.uniform(size=k).tolist() for k in (1, 2, 3, 7) * 5])
  values = np.stack([reward(name, rows) for name in SEQUENCE])
  assert np.all(np.diff(values, axis=0) >= -1e-6)
  assert np.all(np.ptp(values[:, ::4], axis=0) < 1e-6), "one step: all are its score"


def test_a_further_step_lowers_the_product_and_never_raises_the_minimum():
  short, longer = [0.9, 0.6, 0.8], [0.9, 0.6, 0.8, 0.95]
  for name, below in (("prm_product", True), ("prm_minimum", False)):
    one, other = reward(name, responses(short, longer))
    assert other < one if below else other == one
  one, other = reward("prm_minimum", responses(short, [*short, 0.5]))
  assert other < one


@pytest.mark.parametrize("name", SEQUENCE)
def test_no_scored_step_is_worth_nothing(name):
  close(reward(name, responses([0.4, None], [None, None], [0.4])), [0.4, 0.0, 0.4])


def test_the_product_of_many_steps_is_exact():
  (got,) = reward("prm_product", responses([0.9] * 300, tokens=1))
  np.testing.assert_allclose(got, 0.9**300, rtol=1e-4)
  assert reward("prm_product", responses([0.9, 0.0]))[0] == 0


# --- rewards of steps ---------------------------------------------------------------


@pytest.mark.parametrize("name", PER_STEP)
def test_rewards_fall_on_the_ends_of_scored_steps_alone(name):
  rows = responses([0.2, None, 0.7, 0.4], [None, None], [0.6, 0.9, 0.1])
  got = reward(name, rows)
  assert np.all(got[np.asarray(rows.step_scored) == 0] == 0)
  assert np.any(got[0]) and not np.any(got[1]) and np.all(np.isfinite(got))


@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_the_return_of_delta_is_the_score_of_the_step(length):
  scores = np.random.default_rng(length).uniform(size=length)
  rows = responses(scores.tolist(), score=[1.0])
  got = returns(rows, pick("rewards", "accuracy"), pick("rewards", "prm_delta"))[0]
  close(got, [*(0.1 * scores[:-1] + 1), 1.0])


def test_deltas_of_one_and_two_steps():
  got = reward("prm_delta", responses([0.7], [0.7, 0.2]), alpha=1.0)
  close(got, [[0, 0, 0, 0], [0, 0.7, 0, 0]])


def test_a_repeated_good_step_leaves_the_return_of_delta():
  parts = pick("rewards", "accuracy"), pick("rewards", "prm_delta")
  rows = responses([0.8, 0.5, 0.3], [0.8, 0.8, 0.8, 0.5, 0.3], score=[1.0, 1.0])
  one, other = returns(rows, *parts)
  close(one[0], other[0])
  step = returns(rows, parts[0], pick("rewards", "prm_step"))
  assert step[1][0] > step[0][0] + 1, "which plain scores do not"


def test_clip_bounds_returns_by_the_outcome():
  rng = np.random.default_rng(1)
  rows = responses(*rng.uniform(size=(6, 5)).tolist(), score=[0, 1, 0, 1, 1, 0])
  for name in ("prm_clip", "prm_clip_delta"):
    got = returns(rows, pick("rewards", "accuracy"), pick("rewards", name))
    bound = np.asarray(rows.score)[:, None] + 1e-6
    assert np.all(np.asarray(got) <= bound)
    assert np.any(np.asarray(got) < bound - 1e-3)


@pytest.mark.parametrize("eta", [None, 0.3])
def test_the_return_of_clip_and_delta_is_the_clipped_score(eta):
  scores = [[0.9, 0.1, 0.5, 0.4], [0.2, 0.6], [0.8]]
  rows = responses(*scores, score=[1.0, 0.0, 1.0])
  method = pick("rewards", "prm_clip_delta", eta=eta)
  got = returns(rows, pick("rewards", "accuracy"), method)
  bound = np.mean(np.concatenate(scores)) if eta is None else eta
  for row, one, outcome in zip(got, scores, [1.0, 0.0, 1.0], strict=True):
    close(row, [*(0.1 * min(s - bound, 0) + outcome for s in one[:-1]), outcome])


def test_eta_counts_no_row_without_a_verdict():
  """Its mask is off, as the train loop has it."""
  rows = responses([0.9, 0.5], [0.1, 0.1])
  hidden = rows.replace(mask=rows.mask.at[1].set(0.0))
  for name in ("prm_clip", "prm_clip_delta"):
    close(reward(name, hidden)[0], reward(name, rows.replace(), eta=0.7)[0])


def test_pure_adds_up_to_the_worst_step_and_sum_does_not():
  good, more = [0.9, 0.2, 0.8], [0.9, 0.2, 0.8, 0.9, 0.9]
  rows = responses(good, more)
  close(reward("pure", rows, temperature=1e-3).sum(axis=1), [-0.6, -0.6])
  one, other = reward("pure", rows).sum(axis=1)
  assert abs(one - other) < 1e-3
  one, other = reward("prm_sum", rows).sum(axis=1)
  close(other - one, 1.6)
  flat = reward("pure", rows, temperature=1e6).sum(axis=1)
  close(flat, [np.mean(good) * 2 - 1, np.mean(more) * 2 - 1], atol=1e-5)


def test_reasonflux_is_the_outcome_at_beta_0_and_outranks_it_from_two_thirds():
  rows = responses([0.3, 0.5], [0.9], [None], score=[1.0, -1.0, 1.0])
  close(reward("reasonflux", rows, beta=0.0), [1.0, -1.0, 1.0])
  close(reward("reasonflux", rows)[2], 0.25)
  for lead, wins in ((0.66, False), (0.68, True)):
    rows = responses([0.2], [0.2 + lead], score=[1.0, -1.0])
    right, wrong = reward("reasonflux", rows, alpha=0.0)
    assert (wrong > right) == wins


def test_comment_lines_leave_the_return_of_lines():
  rows = responses([1.0, -1.0, -1.0], [None, 1.0, None, -1.0, -1.0, None])
  one, other = reward("prm_lines", rows, lambda_=0.3).sum(axis=1)
  close([one, other], [-0.1, -0.1])
  many = reward("prm_lines", responses([1.0] * 50, [1.0] * 2, tokens=1)).sum(axis=1)
  close(many, [0.25, 0.25])
