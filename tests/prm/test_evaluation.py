"""Measures of process reward models, against loops and small cases by hand."""

import itertools
import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from jaxrl.errors import UserError
from jaxrl.prm import evaluation

NAN = float("nan")


# --- the first wrong step -----------------------------------------------------------


@pytest.mark.parametrize(
  "scores, expected",
  [
    ([], -1),
    ([0.9, 0.5], -1),
    ([0.9, 0.4, 0.1], 1),
    ([0.1], 0),
    ([NAN, 0.3], 1),
    ([1.0, 0.0, None], 1),
  ],
)
def test_first_error(scores, expected):
  assert evaluation.first_error(scores) == expected


def test_process_bench_by_hand():
  # Three erroneous solutions, one named exactly; two right ones, one left alone.
  got = evaluation.process_bench([1, 0, -1, -1, 2], [1, 2, 0, -1, -1])
  assert got["error_accuracy"] == pytest.approx(1 / 3)
  assert got["correct_accuracy"] == pytest.approx(1 / 2)
  assert got["f1"] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))


def test_process_bench_without_a_class():
  assert evaluation.process_bench([0, 1], [1, 0])["f1"] != 0  # NaN: no right solution
  assert math.isnan(evaluation.process_bench([], [])["f1"])
  assert evaluation.process_bench([0, 0], [1, -1])["f1"] == 0


# --- all steps ----------------------------------------------------------------------


def ragged(seed=0, count=40, soft=False):
  """(scores, labels) of solutions, with steps without a label or a score."""
  rng = np.random.default_rng(seed)
  scores, labels = [], []
  for _ in range(count):
    size = rng.integers(0, 8)
    truth = rng.random(size) if soft else (rng.random(size) < 0.7).astype(float)
    said = np.clip(truth + rng.normal(size=size) * 0.5, 0, 1)
    truth[rng.random(size) < 0.2] = NAN
    said[rng.random(size) < 0.1] = NAN
    scores.append(said)
    labels.append(truth)
  return scores, labels


def by_loops(scores, labels, threshold=0.5):
  """PRMBench's counts, as its code has them."""
  tp = fp = tn = fn = 0
  first = []
  for said, truth in zip(scores, labels, strict=True):
    seen = False
    for s, y in zip(said, truth, strict=True):
      if math.isnan(y):
        continue
      passed = not s < threshold
      tp += passed and y == 1
      fp += passed and y == 0
      tn += (not passed) and y == 0
      fn += (not passed) and y == 1
      if y == 0 and not seen:
        seen = True
        first.append(not passed)
  precision, recall = tp / (tp + fp), tp / (tp + fn)
  negative_precision, negative_recall = tn / (tn + fn), tn / (tn + fp)
  f1 = 2 * precision * recall / (precision + recall)
  negative = 2 * negative_precision * negative_recall
  negative /= negative_precision + negative_recall
  return {
    "prm_score": (f1 + negative) / 2,
    "f1": f1,
    "negative_f1": negative,
    "accuracy": (tp + tn) / (tp + tn + fp + fn),
    "correct_step_accuracy": recall,
    "wrong_step_accuracy": negative_recall,
    "first_error_accuracy": sum(first) / len(first),
  }


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_prm_bench_is_that_of_loops(threshold):
  scores, labels = ragged()
  got = evaluation.prm_bench(scores, labels, threshold)
  assert got == pytest.approx(by_loops(scores, labels, threshold))


def test_prm_bench_of_nothing_and_of_one_class():
  assert all(map(math.isnan, evaluation.prm_bench([], []).values()))
  got = evaluation.prm_bench([[1, 1]], [[1, 1]])
  assert got["f1"] == 1 and math.isnan(got["negative_f1"])


def test_mp_bench_by_hand():
  scores = [[0.9, 0.1], [0.9, 0.9], [0.2, 0.9]]
  labels = [[1, 0], [1, 1], [1, 0]]
  steps = evaluation.mp_bench_steps(scores, labels)
  # Named exactly: the first and the second. Steps: 3 of 4 right ones pass, and of 2
  # wrong ones one is called so, as is one right one.
  assert steps["first_error"] == pytest.approx(2 / 3)
  assert steps["all_errors"] == pytest.approx((2 * 3 / 8 + 2 * 1 / 4) / 2)
  search = evaluation.mp_bench_search([1, 1, 0, 0], [1, 0, 0, 0])
  assert search["f1"] == pytest.approx(2 / 3)
  assert search["mcc"] == pytest.approx((1 * 2 - 1 * 0) / math.sqrt(2 * 1 * 3 * 2))
  assert evaluation.mp_bench(0.3, 0.5, 0.7, 0.9) == pytest.approx((0.3 + 0.6 + 0.9) / 3)


def test_auroc_is_the_share_of_ordered_pairs():
  scores, labels = map(np.concatenate, ragged())
  pairs = []
  for (s, y), (t, z) in itertools.product(zip(scores, labels, strict=True), repeat=2):
    if y == 1 and z == 0 and not math.isnan(s + t):
      pairs.append(1.0 if s > t else 0.5 if s == t else 0.0)
  assert evaluation.step_auroc(scores, labels) == pytest.approx(np.mean(pairs))
  assert math.isnan(evaluation.step_auroc([0.1, 0.2], [1, 1]))
  assert math.isnan(evaluation.step_auroc([], []))


# --- calibration --------------------------------------------------------------------


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("bins", [1, 5, 10])
def test_calibration_is_that_of_loops(soft, bins):
  scores, labels = map(np.concatenate, ragged(1, soft=soft))
  inside = [[] for _ in range(bins)]
  for s, y in zip(scores, labels, strict=True):
    if not math.isnan(s + y):
      inside[min(int(s * bins), bins - 1)].append((s, y))
  kept = sum(map(len, inside))
  gaps = [
    len(group)
    / kept
    * abs(np.mean([s for s, _ in group]) - np.mean([y for _, y in group]))
    for group in inside
    if group
  ]
  error = evaluation.expected_calibration_error(scores, labels, bins)
  assert error == pytest.approx(sum(gaps))
  flat = [pair for group in inside for pair in group]
  brier = sum((s - y) ** 2 for s, y in flat) / kept
  assert evaluation.brier(scores, labels) == pytest.approx(brier)


def test_reliability_is_that_of_scikit_learn():
  scores, labels = map(np.concatenate, ragged(2))
  on = ~np.isnan(scores + labels)
  mean_label, mean_score = calibration_curve(labels[on], scores[on], n_bins=7)
  curve = evaluation.reliability(scores, labels, bins=7)
  filled = curve["count"] > 0
  np.testing.assert_allclose(curve["label"][filled], mean_label)
  np.testing.assert_allclose(curve["score"][filled], mean_score)


def test_calibration_of_nothing_and_of_other_ranges():
  assert math.isnan(evaluation.expected_calibration_error([], []))
  assert math.isnan(evaluation.brier([], []))
  with pytest.raises(UserError, match="from 0 to 1"):
    evaluation.reliability([1.5], [1.0])


def test_summary():
  got = evaluation.summarize_steps([[0.9, 0.2, 0.4], [0.6]], [[1, 0, None], [1]])
  assert got["process_bench_f1"] == got["prm_score"] == got["step_auroc"] == 1
  assert got["brier"] == pytest.approx((0.01 + 0.04 + 0.16) / 3)
  outside = evaluation.summarize_steps([[2.0, -3.0]], [[1, 0]])
  assert "ece" not in outside and outside["step_accuracy"] == 1


# --- choosing among samples ---------------------------------------------------------

VOTES = (
  ["A", "B", " B", None],
  np.array([0.9, 0.5, 0.45, 0.99]),
  np.array([1.0, 0, 0, 0]),
)


def test_versaprm_check():
  """A (.9), B (.5), B (.45): the vote says B, best-of-n A."""
  answers, scores, right = (x[:3] for x in VOTES)
  assert evaluation.best_of_n(answers, scores, right) == 1
  assert evaluation.weighted_majority(answers, scores, right) == 0
  assert evaluation.majority(answers, scores, right) == 0
  assert evaluation.pass_at_n(answers, scores, right) == 1


def test_no_answer_wins_no_vote():
  assert evaluation.weighted_majority(*VOTES) == 0
  alone = ([None, None], np.array([0.2, 0.1]), np.array([0.0, 0.0]))
  assert evaluation.weighted_majority(*alone) == 0
  against = (["A", None], np.array([0.1, 0.9]), np.array([1.0, 0.0]))
  assert evaluation.weighted_majority(*against) == 1


def test_ties_share_and_nan_is_worst():
  tied = (["A", "B"], np.array([0.5, 0.5]), np.array([1.0, 0.0]))
  for select in (
    evaluation.best_of_n,
    evaluation.majority,
    evaluation.weighted_majority,
  ):
    assert select(*tied) == 0.5
  missing = (["A", "B"], np.array([NAN, 0.1]), np.array([1.0, 0.0]))
  assert evaluation.best_of_n(*missing) == evaluation.weighted_majority(*missing) == 0
  none = (["A", "B"], np.array([NAN, NAN]), np.array([1.0, 0.0]))
  assert evaluation.best_of_n(*none) == evaluation.weighted_majority(*none) == 0.5


def samples(seed=0, problems=5, count=6):
  rng = np.random.default_rng(seed)
  answers = [[str(a) for a in rng.integers(0, 3, size=count)] for _ in range(problems)]
  right = [[float(a == "0") for a in row] for row in answers]
  scores = rng.random((problems, count)).tolist()
  return answers, scores, right


def test_all_samples_are_one_subset():
  answers, scores, right = samples()
  got = evaluation.by_budget(answers, scores, right, [6])
  for name, select in evaluation.SELECTIONS.items():
    each = [
      select(a, np.asarray(s), np.asarray(r))
      for a, s, r in zip(answers, scores, right, strict=True)
    ]
    assert got[name][6] == pytest.approx(np.mean(each))


def test_subsets_tend_to_the_mean_over_all():
  answers, scores, right = samples(1, problems=3, count=5)
  got = evaluation.by_budget(answers, scores, right, [1, 3], draws=200)
  for name, select in evaluation.SELECTIONS.items():
    for n in (1, 3):
      every = [
        select(
          [a[i] for i in some], np.asarray(s)[list(some)], np.asarray(r)[list(some)]
        )
        for a, s, r in zip(answers, scores, right, strict=True)
        for some in itertools.combinations(range(5), n)
      ]
      assert got[name][n] == pytest.approx(np.mean(every), abs=0.07), (name, n)
  # Of one sample nothing can be selected; and none exceeds pass@n.
  assert len({round(got[name][1], 9) for name in got}) == 1
  assert all(got[name][3] <= got["pass_at_n"][3] + 1e-9 for name in got)


def test_subsets_are_drawn_from_the_seed():
  data = samples(2)
  one, same = (evaluation.by_budget(*data, [2], seed=3) for _ in range(2))
  assert one == same != evaluation.by_budget(*data, [2], seed=4)


def test_unbiased_pass_at_k_is_the_mean_over_all_subsets():
  _, _, right = samples(3)
  for k in (1, 2, 6):
    every = [max(s) for row in right for s in itertools.combinations(row, k)]
    assert evaluation.unbiased_pass_at_k(right, k) == pytest.approx(np.mean(every))
  assert evaluation.unbiased_pass_at_k([[1.0], [0.0, 0.0]], 2) == 0
  assert math.isnan(evaluation.unbiased_pass_at_k([[1.0]], 2))


@pytest.mark.parametrize("budgets", [[0], [7], [1, 99]])
def test_budgets_that_no_problem_has(budgets):
  with pytest.raises(UserError, match="fewest samples of a problem, 6"):
    evaluation.by_budget(*samples(), budgets)
