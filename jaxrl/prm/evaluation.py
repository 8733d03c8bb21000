"""How good a process reward model is: first errors, steps, calibration, selection.

Host code. Scores are one number a step, higher is better; labels are 1 for a right step
and 0 for a wrong one, None or NaN for one without a label, which counts for nothing. A
NaN score says nothing of its step: the step passes. What has no meaning on the data
given (no wrong solution, a single class) is NaN, never an error.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxrl import accuracy
from jaxrl.errors import UserError

Numbers = Sequence[float | int | None] | np.ndarray
# (answers, scores, right) of some samples of one problem -> chance of a right answer
Selection = Callable[[Sequence[str | None], np.ndarray, np.ndarray], float]


# --- the first wrong step -----------------------------------------------------------


def first_error(scores: Numbers, threshold: float = 0.5) -> int:
  """The first step that scores below the threshold, -1 without one; of labels too."""
  below = np.flatnonzero(_array(scores) < threshold)
  return int(below[0]) if len(below) else -1


def process_bench(predicted: Sequence[int], true: Sequence[int]) -> dict[str, float]:
  """ProcessBench, Zheng et al., https://arxiv.org/abs/2412.06559.

    f1 = 2 a b / (a + b)

  a: share of the erroneous solutions whose first wrong step is named exactly, b: share
  of the right ones that are declared free of error. 0 where a + b is 0.

  Args:
    predicted: first wrong step of each solution, -1: none.
    true: what human experts say.
  """
  named, expert = np.asarray(predicted, dtype=int), np.asarray(true, dtype=int)
  wrong = _mean((named == expert)[expert >= 0])
  right = _mean((named == expert)[expert < 0])
  f1 = 2 * wrong * right / (wrong + right) if wrong + right != 0 else 0.0
  return {"error_accuracy": wrong, "correct_accuracy": right, "f1": f1}


# --- all steps ----------------------------------------------------------------------


def prm_bench(
  scores: Sequence[Numbers], labels: Sequence[Numbers], threshold: float = 0.5
) -> dict[str, float]:
  """PRMBench, Song et al., https://arxiv.org/abs/2501.03124.

    prm_score = 0.5 f1 + 0.5 negative_f1

  over the steps of all solutions together, f1 with right steps as the positive class,
  negative_f1 with wrong ones. As in the authors' code, only altered solutions count
  (not their originals), and `first_error_accuracy` is the share of solutions whose
  first wrong step is called wrong, whatever is said of the steps before it. An f1
  without steps of its class, true or predicted, is NaN (the code has -1).

  Args:
    scores: of the steps of each solution.
    labels: of the same steps.
    threshold: a step below it is called wrong.
  """
  passed, right, first = [], [], []
  for given, wanted in zip(scores, labels, strict=True):
    said, truth = _array(given), _array(wanted)
    on = ~np.isnan(truth)
    passed.append(~(said < threshold)[on])
    right.append((truth >= 0.5)[on])
    at = first_error(truth)
    if at >= 0:
      first.append(said[at] < threshold)
  p, r = _joined(passed), _joined(right)
  positive, negative = _f1(p, r), _f1(~p, ~r)
  return {
    "prm_score": 0.5 * positive + 0.5 * negative,
    "f1": positive,
    "negative_f1": negative,
    "accuracy": _mean(p == r),
    "correct_step_accuracy": _mean(p[r]),
    "wrong_step_accuracy": _mean(~p[~r]),
    "first_error_accuracy": _mean(np.array(first, dtype=bool)),
  }


def mp_bench_steps(
  scores: Sequence[Numbers], labels: Sequence[Numbers], threshold: float = 0.5
) -> dict[str, float]:
  """Step correctness of MPBench, Xu et al., https://arxiv.org/abs/2503.12505.

    mean = (first_error + all_errors) / 2

  The paper's text was not at hand, only its tables: `all_errors` is read as PRMBench's
  score (a random model has 50 in both), `first_error` as the share of solutions whose
  first wrong step, or its absence, is named exactly.
  """
  pairs = zip(scores, labels, strict=True)
  exact = [first_error(s, threshold) == first_error(y) for s, y in pairs]
  first = _mean(np.array(exact, dtype=bool))
  every = prm_bench(scores, labels, threshold)["prm_score"]
  return {"first_error": first, "all_errors": every, "mean": (first + every) / 2}


def mp_bench_search(chosen: Sequence[int], right: Sequence[int]) -> dict[str, float]:
  """Reasoning process search of MPBench: whether each offered step should be taken.

    mean = (f1 + mcc) / 2

  Args:
    chosen: 1 where the model would take the step, else 0.
    right: 1 where it is a right one.
  """
  from sklearn import metrics

  p, r = np.asarray(chosen) > 0, np.asarray(right) > 0
  f1 = _f1(p, r)
  mcc = float(metrics.matthews_corrcoef(r, p)) if len(r) else math.nan
  return {"f1": f1, "mcc": mcc, "mean": (f1 + mcc) / 2}


def mp_bench(steps: float, best_of_n: float, majority: float, search: float) -> float:
  """MPBench's one number: the mean of its three parts.

  Args:
    steps: the mean of `mp_bench_steps`.
    best_of_n: accuracy of the best candidate answer by score.
    majority: accuracy of the vote weighted by score.
    search: the mean of `mp_bench_search`.
  """
  return (steps + (best_of_n + majority) / 2 + search) / 3


def step_auroc(scores: Numbers, labels: Numbers) -> float:
  """Chance that a right step scores above a wrong one; a tie counts as half of one.

  Of the steps of all solutions together, those without a score left out; NaN where all
  are right or all wrong.
  """
  from sklearn import metrics

  said, truth = _labelled(scores, labels)
  right = truth >= 0.5
  if right.all() or not right.any():
    return math.nan
  return float(metrics.roc_auc_score(right, said))


# --- calibration --------------------------------------------------------------------


def reliability(
  scores: Numbers, labels: Numbers, bins: int = 10
) -> dict[str, np.ndarray]:
  """Mean score and mean label [bins] of equally wide bins of the score; NaN if empty.

  Labels may be shares. `sklearn.calibration.calibration_curve` gives the same for 0 and
  1, without the empty bins. A score of exactly 1 is in the last bin.

  Returns:
    "count", "score" and "label", each [bins].
  """
  said, truth = _labelled(scores, labels)
  if np.any((said < 0) | (said > 1)):
    raise UserError("calibration is of scores from 0 to 1; map others there first")
  place = np.minimum((said * bins).astype(int), bins - 1)
  count = np.bincount(place, minlength=bins)
  filled = np.where(count > 0, count, np.nan)
  return {
    "count": count,
    "score": np.bincount(place, weights=said, minlength=bins) / filled,
    "label": np.bincount(place, weights=truth, minlength=bins) / filled,
  }


def expected_calibration_error(
  scores: Numbers, labels: Numbers, bins: int = 10
) -> float:
  """Guo et al., https://arxiv.org/abs/1706.04599.

  ECE = sum_b (n_b / n) |mean score_b - mean label_b|
  """
  curve = reliability(scores, labels, bins)
  count, total = curve["count"], curve["count"].sum()
  gaps = np.abs(curve["score"] - curve["label"])[count > 0]
  return float(np.sum(count[count > 0] * gaps) / total) if total else math.nan


def brier(scores: Numbers, labels: Numbers) -> float:
  """Mean squared difference of score and label."""
  said, truth = _labelled(scores, labels)
  return _mean((said - truth) ** 2)


def summarize_steps(
  scores: Sequence[Numbers], labels: Sequence[Numbers], threshold: float = 0.5
) -> dict[str, float]:
  """All of the above that labelled solutions allow.

  Args:
    scores: of the steps of each solution.
    labels: of the same steps.
    threshold: a step below it is called wrong.

  Returns:
    process_bench_error_accuracy, process_bench_correct_accuracy, process_bench_f1,
    prm_score, step_accuracy, step_auroc; and ece and brier of scores within 0..1.
  """
  first = process_bench(
    [first_error(row, threshold) for row in scores], [first_error(y) for y in labels]
  )
  steps = prm_bench(scores, labels, threshold)
  said = np.concatenate([np.zeros(0), *map(_array, scores)])
  truth = np.concatenate([np.zeros(0), *map(_array, labels)])
  result = {
    **{f"process_bench_{name}": value for name, value in first.items()},
    "prm_score": steps["prm_score"],
    "step_accuracy": steps["accuracy"],
    "step_auroc": step_auroc(said, truth),
  }
  if not np.any((said < 0) | (said > 1)):
    result["ece"] = expected_calibration_error(said, truth)
    result["brier"] = brier(said, truth)
  return result


# --- choosing among samples ---------------------------------------------------------


def best_of_n(
  answers: Sequence[str | None], scores: np.ndarray, right: np.ndarray
) -> float:
  """1 if the best sample by score is right; tied ones share. NaN is the worst score."""
  ranked = np.where(np.isnan(scores), -np.inf, scores)
  return float(np.mean(right[ranked == ranked.max()]))


def majority(
  answers: Sequence[str | None], scores: np.ndarray, right: np.ndarray
) -> float:
  """1 if the most common answer is right; see `accuracy.majority_at_k`."""
  return float(accuracy.majority_at_k([answers], [[bool(flag) for flag in right]])[0])


def weighted_majority(
  answers: Sequence[str | None], scores: np.ndarray, right: np.ndarray
) -> float:
  """1 if the answer of the highest sum of scores is right; a NaN score adds nothing.

  Scores are to be 0 or more: sigmoid() of a logit or of log odds. Ties and samples
  without an answer as in `majority`.
  """
  votes: dict[str | None, list[tuple[float, float]]] = {}
  for answer, score, flag in zip(answers, scores, right, strict=True):
    key = None if answer is None else answer.strip()
    weight = 0.0 if math.isnan(score) else float(score)
    votes.setdefault(key, []).append((weight, float(flag)))
  if len(votes) > 1:
    votes.pop(None, None)
  sums = {key: math.fsum(w for w, _ in group) for key, group in votes.items()}
  most = max(sums.values())
  winners = [votes[key] for key, total in sums.items() if total == most]
  return float(np.mean([np.mean([flag for _, flag in group]) for group in winners]))


def pass_at_n(
  answers: Sequence[str | None], scores: np.ndarray, right: np.ndarray
) -> float:
  """1 if any sample is right: what no selection can exceed."""
  return float(np.max(right))


SELECTIONS: Mapping[str, Selection] = {
  "best_of_n": best_of_n,
  "majority": majority,
  "weighted_majority": weighted_majority,
  "pass_at_n": pass_at_n,
}


def by_budget(
  answers: Sequence[Sequence[str | None]],
  scores: Sequence[Numbers],
  right: Sequence[Numbers],
  budgets: Sequence[int],
  *,
  selections: Mapping[str, Selection] = SELECTIONS,
  draws: int = 10,
  seed: int = 0,
) -> dict[str, dict[int, float]]:
  """Accuracy of each selection for each number of samples n: name -> {n: accuracy}.

  Mean over problems and over random subsets of their samples, the same ones for every
  selection, so that these can be compared.

  Args:
    answers: of the samples of each problem, None: it has none.
    scores: of the same samples, as from `prm/scores`.
    right: 1 or 0 of the same samples.
    budgets: the numbers n.
    selections: functions of (answers, scores, right) of one subset.
    draws: subsets of each problem and n; all samples are a single subset.
    seed: of the subsets.
  """
  problems = list(zip(answers, scores, right, strict=True))
  fewest = min((len(row) for row in answers), default=0)
  if not problems or min(budgets) < 1 or max(budgets) > fewest:
    raise UserError(
      f"budgets {list(budgets)}: each is from 1 to the fewest samples of a problem, "
      f"{fewest}"
    )
  sums = {name: dict.fromkeys(budgets, 0.0) for name in selections}
  for index, (texts, points, flags) in enumerate(problems):
    points, flags = np.asarray(points, float), np.asarray(flags, float)
    for n in budgets:
      rng = np.random.default_rng([seed, index, n])
      times = 1 if n == len(texts) else draws
      for _ in range(times):
        some = rng.permutation(len(texts))[:n]
        for name, select in selections.items():
          value = select([texts[i] for i in some], points[some], flags[some])
          sums[name][n] += value / times / len(problems)
  return sums


def unbiased_pass_at_k(right: Sequence[Numbers], k: int) -> float:
  """Mean over problems of `accuracy.pass_at_k`; those of fewer samples are left out."""
  correct = np.array([np.sum(np.asarray(row) > 0) for row in right], dtype=int)
  counts = np.array([len(row) for row in right], dtype=int)
  each = accuracy.pass_at_k(correct, counts, k)
  return _mean(each[~np.isnan(each)])


# --- shared -------------------------------------------------------------------------


def _array(values: Numbers) -> np.ndarray:
  return np.asarray(values, dtype=np.float64)  # None becomes NaN


def _mean(values: np.ndarray) -> float:
  return float(np.mean(values)) if len(values) else math.nan


def _joined(flags: list[np.ndarray]) -> np.ndarray:
  return np.concatenate([np.zeros(0, dtype=bool), *flags])


def _labelled(scores: Numbers, labels: Numbers) -> tuple[np.ndarray, np.ndarray]:
  said, truth = _array(scores), _array(labels)
  on = ~np.isnan(said) & ~np.isnan(truth)
  return said[on], truth[on]


def _f1(predicted: np.ndarray, true: np.ndarray) -> float:
  either = int(predicted.sum() + true.sum())
  return 2 * int((predicted & true).sum()) / either if either else math.nan
