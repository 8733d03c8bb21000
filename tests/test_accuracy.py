"""The statistics of one evaluation, against enumeration, tables and simulation."""

import itertools
import math

import numpy as np
import pytest

from jaxrl import accuracy
from jaxrl.accuracy import Sample, summarize
from jaxrl.errors import UserError


def right(answer="1"):
  return Sample(score=1.0, formatted=True, answer=answer)


def wrong(answer="0", formatted=True):
  return Sample(score=0.0, formatted=formatted, answer=answer)


UNKNOWN = Sample(score=None, formatted=True, answer="?")


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(n):
  for correct, k in itertools.product(range(n + 1), range(1, n + 1)):
    flags = [True] * correct + [False] * (n - correct)
    expected = np.mean([any(subset) for subset in itertools.combinations(flags, k)])
    actual = accuracy.pass_at_k(np.array([correct]), np.array([n]), k)
    np.testing.assert_allclose(actual, [expected], atol=1e-12)


def test_pass_at_k_does_not_overflow():
  value = accuracy.pass_at_k(np.array([3]), np.array([100_000]), 1000)[0]
  assert value == pytest.approx(1 - 0.99**3, abs=1e-4)


def test_pass_at_k_is_undefined_with_fewer_than_k_samples():
  values = accuracy.pass_at_k(np.array([2, 2]), np.array([3, 4]), 4)
  np.testing.assert_array_equal(values, [np.nan, 1.0])
  with pytest.raises(UserError, match="k of at least 1, not 0"):
    accuracy.pass_at_k(np.array([1]), np.array([1]), 0)


def test_pass_at_k_is_unbiased():
  rng = np.random.default_rng(0)
  correct = rng.binomial(8, 0.2, size=20_000)
  mean = accuracy.pass_at_k(correct, np.full(20_000, 8), 4).mean()
  assert mean == pytest.approx(1 - 0.8**4, abs=0.01)


@pytest.mark.parametrize(
  ("successes", "trials", "low", "high"),
  [  # R: prop.test(x, n, correct = FALSE)$conf.int; Newcombe (1998), table I
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (29, 29, 0.8830, 1.0),
  ],
)
def test_wilson_of_published_examples(successes, trials, low, high):
  interval = accuracy.wilson(successes, trials)
  np.testing.assert_allclose(interval, (low, high), atol=5e-5)


def test_wilson_without_trials_is_nan():
  assert all(math.isnan(end) for end in accuracy.wilson(0, 0))


def test_cluster_interval_is_wilson_where_samples_of_a_problem_agree():
  values = np.array([1.0] * 3 + [0.0] * 7)
  actual = accuracy.cluster_interval(values, samples=80)
  np.testing.assert_allclose(actual, accuracy.wilson(3, 10))


def test_cluster_interval_keeps_a_width_at_the_ends_and_without_spread():
  assert accuracy.cluster_interval(np.ones(10), 40)[0] == pytest.approx(
    0.7225, abs=1e-4
  )
  low, high = accuracy.cluster_interval(np.full(10, 0.5), 40)
  assert (low, high) == accuracy.wilson(5, 10)
  assert accuracy.cluster_interval(np.array([0.5]), 4) == accuracy.wilson(0.5, 1)


def test_cluster_interval_claims_no_more_than_the_samples_there_are():
  values = np.array([0.5] * 99 + [0.75])  # less spread than 400 coin flips show
  low, high = accuracy.cluster_interval(values, samples=400)
  mean = values.mean()
  np.testing.assert_allclose((low, high), accuracy.wilson(mean * 400, 400))


@pytest.mark.parametrize("freedom, t", [(4, 2.7764), (19, 2.0930), (99, 1.9842)])
def test_t_quantile_of_the_tables(freedom, t):
  assert accuracy._t_quantile(freedom) == pytest.approx(t, rel=0.02)


@pytest.mark.parametrize("problems", [20, 100])
@pytest.mark.parametrize(("a", "b"), [(0.3, 0.3), (1.0, 4.0), (50.0, 50.0)])
@pytest.mark.parametrize("k", [1, 2])
def test_intervals_cover_the_truth_about_95_percent_of_the_time(problems, a, b, k):
  # Problems of all kinds: mostly solved or hopeless, mostly hard, all a coin flip.
  rng = np.random.default_rng(1)
  runs, n = 500, 8
  truth = np.mean(1 - (1 - rng.beta(a, b, size=400_000)) ** k)
  rates = accuracy.pass_at_k(np.arange(n + 1), np.full(n + 1, n), k)
  correct = rng.binomial(n, rng.beta(a, b, size=(runs, problems)))
  ends = [accuracy.cluster_interval(rates[row], problems * n / k) for row in correct]
  covered = np.mean([low <= truth <= high for low, high in ends])
  assert 0.925 <= covered <= 0.995


def test_majority_takes_the_most_common_answer():
  answers = [["7", "7 ", "3"], ["3", "3", "7"]]
  correct = [[True, True, False], [False, False, True]]
  np.testing.assert_array_equal(accuracy.majority_at_k(answers, correct), [1.0, 0.0])


def test_majority_ties_share_the_credit():
  answers = [["1", "2"], ["1", "1", "2", "2", "3", "3", "4"]]
  correct = [[True, False], [True, True] + [False] * 5]
  np.testing.assert_allclose(accuracy.majority_at_k(answers, correct), [1 / 2, 1 / 3])


def test_no_answer_wins_only_where_there_is_no_other():
  answers = [[None, None, None, "5"], [None, None], []]
  correct = [[False, False, False, True], [False, False], []]
  values = accuracy.majority_at_k(answers, correct)
  np.testing.assert_array_equal(values, [1.0, 0.0, np.nan])


def test_summary_of_greedy_answers():
  result = summarize([right(), wrong(), wrong(formatted=False), UNKNOWN], [])
  low, high = accuracy.wilson(1, 3)
  assert result == {
    "problems": 4,
    "unscorable": 1,
    "greedy_accuracy": pytest.approx(1 / 3),  # the unscorable one is not wrong
    "greedy_accuracy_low": low,
    "greedy_accuracy_high": high,
    "greedy_formatted": 3 / 4,
    "greedy_accuracy_when_formatted": 1 / 2,
  }


def test_partial_credit_is_not_a_right_answer():
  partial = Sample(score=0.99, formatted=True, answer="1")
  assert summarize([partial], [])["greedy_accuracy"] == 0


def test_summary_of_samples():
  sampled = [
    [right(), right(), wrong(), wrong("2")],
    [wrong(), wrong(), wrong(), right()],
  ]
  result = summarize([], sampled)
  assert result["mean_at_k"] == result["pass_at_1"] == 3 / 8
  assert result["pass_at_2"] == pytest.approx((5 / 6 + 1 / 2) / 2)
  assert result["pass_at_4"] == 1
  assert result["majority_at_k"] == 1 / 2
  assert (result["problems"], result["samples_per_problem"]) == (2, 4)
  assert "pass_at_8" not in result and "greedy_accuracy" not in result
  for name in ("mean_at_k", "pass_at_1", "pass_at_2", "pass_at_4"):
    assert result[f"{name}_low"] <= result[name] <= result[f"{name}_high"]


def test_unscorable_samples_leave_the_count_and_not_the_accuracy():
  sampled = [[right(), UNKNOWN], [wrong(), right()], [UNKNOWN, UNKNOWN]]
  result = summarize([], sampled)
  assert result["unscorable"] == 3
  assert result["mean_at_k"] == (1 + 1 / 2) / 2  # over two problems, of 1 and 2 samples
  assert result["pass_at_2"] == 1  # of the second problem only
  assert result["majority_at_k"] == (1 + 1 / 2) / 2


def test_nothing_scored_is_nan_and_no_warning():
  result = summarize([UNKNOWN], [[UNKNOWN, UNKNOWN]])
  assert result["unscorable"] == 3
  for name in ("greedy_accuracy", "mean_at_k_low", "pass_at_2", "majority_at_k"):
    assert math.isnan(result[name])


def test_summary_of_nothing():
  assert summarize([], []) == {"problems": 0, "unscorable": 0}


def test_a_nan_score_is_refused():
  with pytest.raises(ValueError, match="finite"):
    Sample(score=math.nan, formatted=True, answer=None)
