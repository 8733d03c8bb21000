"""Budgets, modes, acceptance, votes: against loops over scalars, and known numbers."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import answers, budget
from jaxrl.search.cr_planner import cr_planner, sibling_pairs
from jaxrl.search.omegaprm import omegaprm
from jaxrl.search.srm import srm, threshold
from jaxrl.search.strategies import adaptive_beam, early_rejection
from jaxrl.search.tvd import tvd
from tests.references.search import answers as answers_reference
from tests.references.search import budget as budget_reference
from tests.references.search import omegaprm as omegaprm_reference
from tests.references.search import srm as srm_reference
from tests.references.search import tvd as tvd_reference
from tests.references.search.strategies import early_rejection as rejection_reference

KEY = jax.random.key(0)

# --- budgets ------------------------------------------------------------------------


def test_samples_needed():
  for p, expected in ((0.5, 7), (0.05, 90), (0.9, 2), (1.0, 1)):
    assert int(budget.samples_needed(jnp.float32(p))) == expected
  grid = np.linspace(0.013, 0.98, 40).astype(np.float32)
  for confidence in (0.5, 0.9, 0.99):
    found = budget.samples_needed(jnp.asarray(grid), confidence=confidence)
    assert (np.diff(found) <= 0).all()
    for p, n in zip(grid, found, strict=True):
      assert n == budget_reference.samples_needed(float(p), confidence=confidence)


@pytest.mark.parametrize("case", budget_reference.CASES)
def test_adaptive_beam(case):
  draw = np.random.default_rng(0)
  leaves = jax.jit(functools.partial(budget.adaptive_leaves, **case))
  children = jax.jit(functools.partial(budget.adaptive_children, **case))
  for _ in range(30):
    n = case["leaves_max"] * case["children_max"]
    low = (draw.random(n) ** 3).astype(np.float32)
    median = low + draw.random(n).astype(np.float32)
    k = int(leaves(jnp.asarray(low)))
    assert k == budget_reference.adaptive_leaves(low.tolist(), **case)
    assert 1 <= k <= case["leaves_max"]
    m = int(children(jnp.asarray(low[: case["leaves_max"]])))
    assert m == budget_reference.adaptive_children(
      low[: case["leaves_max"]].tolist(), **case
    )
    assert 1 <= m <= case["children_max"]
    arrays = (jnp.asarray(median), jnp.asarray(low), jnp.ones(n, bool))
    parents, used = adaptive_beam.leaves(*arrays, **case)
    assert int(used.sum()) == k * case["children_max"]
    expected = sorted(range(n), key=lambda i: -median[i])[:k]
    expected = [i for i in expected for _ in range(case["children_max"])]
    assert parents[: len(expected)].tolist() == expected


@pytest.mark.parametrize("case", rejection_reference.CASES)
def test_theory_of_early_rejection(case):
  for gap, sigma in ((0.1, 0.5), (1.0, 0.3), (2.0, 0.3)):
    np.testing.assert_allclose(
      early_rejection.rejection_bound(gap, sigma, **case),
      rejection_reference.rejection_bound(gap, sigma, **case),
    )
  for correlation, length in itertools.product((0.1, 0.5, 0.8, 0.9), (50, 100, 333)):
    assert early_rejection.tokens_needed(correlation, length) == (
      rejection_reference.tokens_needed(correlation, length)
    )
  assert early_rejection.tokens_needed(0.8, 100) == 64


# --- acceptance ---------------------------------------------------------------------


def test_speculative_acceptance_against_reference():
  draw = np.random.default_rng(0)
  for _ in range(60):
    reward, policy, u = draw.random((3, 5)).astype(np.float32)
    reward[draw.random(5) < 0.2] = 0
    policy[draw.random(5) < 0.2] = 0
    accept, order = jax.jit(srm)(*map(jnp.asarray, (reward, policy, u)))
    expected, kept = srm_reference.srm(reward.tolist(), policy.tolist(), u.tolist())
    assert accept.tolist() == expected
    assert order[: len(kept)].tolist() == kept
    assert sorted(order.tolist()) == list(range(5))


def test_equal_distributions_prune_nothing():
  p = jnp.array([0.1, 0.4, 0.2, 0.3])
  for scale in (1.0, 0.37, 11.0):
    accept, order = srm(scale * p, p, jnp.full(4, 1 - 2**-20))
    assert accept.all() and order.tolist() == [1, 3, 2, 0]


def test_no_reward_is_never_expanded():
  reward, u = jnp.array([0.0, 1.0, 0.0]), jnp.zeros(3)
  accept, order = srm(reward, jnp.array([0.5, 0.5, 0.0]), u)
  assert accept.tolist() == [False, True, False] and order[0] == 1
  assert not srm(jnp.zeros(3), jnp.ones(3), u)[0].any()
  assert threshold(jnp.array([0.4, 0.5])).tolist() == [False, True]


@pytest.mark.parametrize("case", tvd_reference.CASES)
def test_value_guided_decoding_against_reference(case):
  draw = np.random.default_rng(0)
  for scale in (0.5, 3.0):
    logits = scale * draw.normal(size=(16, 20))
    logp = np.asarray(jax.nn.log_softmax(jnp.asarray(logits, jnp.float32)))
    values = draw.random((16, 20)).astype(np.float32)
    score = lambda tokens, v=values: jnp.take_along_axis(jnp.asarray(v), tokens, axis=1)
    tokens = jax.jit(functools.partial(tvd, score=score, **case))(jnp.asarray(logp))
    assert tokens.tolist() == tvd_reference.tvd(logp.tolist(), values.tolist(), **case)
    if case["threshold"] == 0:
      np.testing.assert_array_equal(tokens, logp.argmax(1))


# --- OmegaPRM's pool ----------------------------------------------------------------


def test_omegaprm_known_numbers():
  arrays = (
    jnp.array([0.75, 0.5]),
    jnp.array([3, 13]),
    jnp.array([0]),
    jnp.array([100.0]),
  )
  np.testing.assert_allclose(omegaprm(*arrays)[0], 0.823362 + 0.125, rtol=1e-5)
  np.testing.assert_allclose(omegaprm(*arrays, exploration=0.0)[0], 0.823362, rtol=1e-5)


@pytest.mark.parametrize("case", omegaprm_reference.CASES)
def test_omegaprm_against_reference(case):
  draw = np.random.default_rng(0)
  mc = (draw.integers(0, 9, 6) / 8).astype(np.float32)
  mc[:2] = 0, 1
  arrays = (
    mc,
    draw.integers(0, 9, 6).astype(np.int32),
    draw.integers(-1, 6, 20).astype(np.int32),
    draw.integers(1, 900, 20).astype(np.float32),
  )
  found = jax.jit(functools.partial(omegaprm, **case))(*map(jnp.asarray, arrays))
  expected = omegaprm_reference.omegaprm(*(a.tolist() for a in arrays), **case)
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  assert np.isfinite(found).any() and np.isinf(found).any()


def test_omegaprm_prefers_mostly_right_states_and_short_rollouts():
  score = functools.partial(omegaprm, exploration=0.0)
  mc = jnp.array([0.25, 0.75])
  visits, length = jnp.zeros(2, jnp.int32), jnp.array([50.0, 50.0])
  high = score(mc, visits, jnp.array([0, 1]), length)
  assert high[1] > high[0]
  short = score(mc, visits, jnp.array([1, 1]), jnp.array([500.0, 50.0]))
  assert short[1] > short[0]


# --- CR-Planner ---------------------------------------------------------------------


PROBLEMS = 3


def legal(problem, plan):
  """Retrieval needs a query; an answer ends it. Of problem 1, no queries."""
  names = [line.split()[0] for line in plan]
  if names[-1:] == ["answer"]:
    return []
  query = ["query"] * (problem != 1)
  return ["reason", *query, "answer"] + ["retrieve"] * ("query" in names)


def hashed(*key):
  return np.random.default_rng([ord(c) for c in repr(key)]).random()


def executions(asked):
  return [[f"{goal} {len(plan)} {k}" for k in range(3)] for _, plan, goal in asked]


def plans(scale=1.0, shift=0.0, depth=10):
  return cr_planner(
    PROBLEMS,
    goals=legal,
    execute=executions,
    goal_critic=lambda asked: [scale * hashed(*one) + shift for one in asked],
    critics=lambda tried: [hashed(*one) - shift for one in tried],
    depth=depth,
  )


def test_planner_is_greedy_critic_by_critic():
  found = plans()
  assert all(1 <= len(plan) <= 10 for plan in found) and len(set(found)) == PROBLEMS
  assert [len(plan) for plan in plans(depth=1)] == [1] * PROBLEMS
  assert plans(scale=7.0) == plans(shift=3.0) == found
  for problem, plan in enumerate(found):
    assert not legal(problem, plan) or len(plan) == 10
    for i, execution in enumerate(plan):
      before, goal = plan[:i], execution.split()[0]
      for rival in legal(problem, before):
        assert hashed(problem, before, goal) >= hashed(problem, before, rival)
      (rivals,) = executions([(problem, before, goal)])
      score = lambda one, p=problem, b=before, g=goal: hashed(p, b, g, one)
      assert execution == max(rivals, key=score)


def test_equal_scores_take_the_first():
  found = cr_planner(
    2,
    goals=lambda i, plan: ["b", "a"][: 2 - i],
    execute=lambda asked: [[f"{goal}{k}" for k in "yx"] for _, _, goal in asked],
    goal_critic=lambda asked: [0.0] * len(asked),
    critics=lambda tried: [0.0] * len(tried),
    depth=2,
  )
  assert found == [("by", "by")] * 2


def test_sibling_pairs():
  assert sibling_pairs([0.5, 0.9, 0.5]) == [(1, 0), (1, 2)]
  assert sibling_pairs([0.5, 0.5]) == []


# --- votes --------------------------------------------------------------------------


def test_votes_against_reference():
  draw = np.random.default_rng(0)
  names = ("majority", "best", "weighted_vote", "vote_mean", "self_prm")
  for _ in range(200):
    n = int(draw.integers(1, 9))
    given = [None if a == 3 else "xyz"[a] for a in draw.integers(0, 4, n)]
    scores = (draw.integers(0, 5, n) / 4).tolist()
    for name in (*names, "frequency_vote", "hybrid"):
      found = getattr(answers, name)
      expected = getattr(answers_reference, name)(given, scores)
      got = found(given) if name == "majority" else found(given, scores)
      assert got == expected, (name, given, scores)


def test_no_answer_wins_only_alone():
  for rule in (answers.best, answers.weighted_vote, answers.vote_mean):
    assert rule([None, None, "x"], [9.0, 9.0, 0.0]) == "x"
    assert rule([None], [1.0]) is None
  for rule in (answers.self_prm, answers.hybrid, answers.frequency_vote):
    assert rule([None, None, "x"], [9.0, 9.0, 0.0]) == "x"
    assert rule([None], [1.0]) is None
  assert answers.majority([None, None, "x"]) == "x"
  assert answers.majority([]) is None
  assert answers.filter_vote([None, "x"], [True, False]) == "x"


def test_equalities_of_votes():
  draw = np.random.default_rng(1)
  for _ in range(50):
    given = draw.choice(list("xyz"), 7).tolist()
    scores = draw.random(7).tolist()
    most = answers.majority(given)
    assert answers.weighted_vote(given, [0.7] * 7) == most  # VGS with a constant value
    assert answers.self_prm(given, [1.0] * 7) == most  # a judge that accepts all
    assert answers.filter_vote(given, [True] * 7) == most
    assert answers.filter_vote(given, [False] * 7) == most
    assert answers.frequency_vote(given, scores, weight=0.0) == most
    assert answers.hybrid(given, scores, share=0.0) == most
    assert answers.hybrid(given, scores, share=1.0) == answers.vote_mean(given, scores)


def test_ties_and_precision():
  assert answers.self_prm(["x", "y", "y", "z"], [1.0, 1.0, 1.0, 0.5]) == "y"
  assert answers.best(["x", "y", "y", "z"], [1.0, 1.0, 1.0, 0.5]) == "x"
  assert answers.acceptance_precision([True, True, False], [True, False, True]) == 0.5
  assert math.isnan(answers.acceptance_precision([False], [True]))
