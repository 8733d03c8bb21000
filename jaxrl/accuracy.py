"""How often a model is right, and how sure one evaluation makes us of it.

All intervals are 95 % intervals of the accuracy on problems like those asked: problems
are the independent units, samples of one problem are not.
- One answer a problem: Wilson's score interval (Wilson, 1927, JASA 22, "Probable
  inference, the law of succession, and statistical inference").
- Several samples a problem (mean@k, pass@k): Wilson's interval at the effective sample
  size of a cluster sample (Kish, 1965, "Survey Sampling"; Korn & Graubard, 1998;
  compared in Franco et al., 2019, https://doi.org/10.1093/jssam/smy019). Unlike
  mean +- t s it stays inside [0, 1], and is no point where every problem is right.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError

Z = statistics.NormalDist().inv_cdf(0.975)  # 95 %, two-sided
CORRECT = 1.0  # a score from here on is a right answer; less is partial credit


@dataclasses.dataclass(frozen=True)
class Sample:
  """One answer to one problem.

  Attributes:
    score: the verifier's, 1.0 or more for a right answer; None if it could not score.
    formatted: the answer stands in the asked form.
    answer: the extracted answer; None if there is none.
  """

  score: float | int | None
  formatted: bool
  answer: str | None

  def __post_init__(self):
    if self.score is not None and not math.isfinite(self.score):
      raise ValueError(f"a score is a finite number or None, not {self.score}")

  @property
  def correct(self) -> bool:
    """Full score; False also where the score is unknown."""
    return self.score is not None and self.score >= CORRECT


def wilson(successes: float | int, trials: float | int) -> tuple[float, float]:
  """Wilson's 95 % score interval of a proportion; NaNs where there are no trials.

    (p + z^2/2n +- z sqrt(p (1-p)/n + z^2/4n^2)) / (1 + z^2/n),  p = successes / n

  Both may be fractions: an effective sample size is.
  """
  if trials <= 0:
    return math.nan, math.nan
  p, q = successes / trials, Z**2 / trials
  centre = (p + q / 2) / (1 + q)
  half = math.sqrt(max(p * (1 - p) * q + q**2 / 4, 0.0)) / (1 + q)
  return max(centre - half, 0.0), min(centre + half, 1.0)


def _t_quantile(freedom: int) -> float:
  # Student's t at 97.5 %, within 2 % from 4 degrees on (Abramowitz & Stegun 26.7.5)
  nu = max(freedom, 1)
  second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * nu**2)
  return Z + (Z**3 + Z) / (4 * nu) + second


def cluster_interval(values: np.ndarray, samples: float | int) -> tuple[float, float]:
  """95 % interval of the mean over problems of a per-problem rate.

  With p the mean and s^2 the variance of the P values, their mean has the variance
  s^2 / P, as the mean of n = p (1-p) P / s^2 independent yes-or-no answers has. The
  result is Wilson's interval at n (z / t)^2, t of P - 1 degrees of freedom as s is an
  estimate, held between P (samples of a problem all agree) and `samples` (they are
  independent).

  Args:
    values: [P] rates in [0, 1], one a problem.
    samples: independent answers behind all of them: sum of n_i for mean@k, of n_i / k
      for pass@k.
  """
  count = len(values)
  if count == 0:
    return math.nan, math.nan
  p = float(np.mean(values))
  variance = float(np.var(values, ddof=1)) if count > 1 else 0.0
  # No spread seen: either certain (p is 0 or 1), or too few to tell. Count problems.
  effective = p * (1 - p) * count / variance if variance > 0 else float(count)
  effective *= (Z / _t_quantile(count - 1)) ** 2
  effective = min(max(effective, float(count)), max(samples, float(count)))
  return wilson(p * effective, effective)


def mean_at_k(n_correct: np.ndarray, n: np.ndarray) -> np.ndarray:
  """Share of a problem's samples that are right. [P], [P] -> [P]; NaN where n is 0."""
  return np.where(n > 0, n_correct / np.maximum(n, 1), np.nan)


def pass_at_k(n_correct: np.ndarray, n: np.ndarray, k: int) -> np.ndarray:
  """Chance that at least one of k samples is right, estimated without bias from n.

  Chen et al., 2021, "Evaluating Large Language Models Trained on Code",
  https://arxiv.org/abs/2107.03374, equation 1, as the product of its figure 3, which
  does not overflow:  1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1..n} (1 - k / i).

  Args:
    n_correct: [P] right samples of each problem.
    n: [P] scored samples of each problem.
    k: samples one may try, at least 1.

  Returns:
    [P]; NaN where n < k: fewer samples do not say what k would do.

  Raises:
    UserError: k is less than 1.
  """
  if k < 1:
    raise UserError(f"pass@k needs k of at least 1, not {k}; choose a larger k")

  def one(correct: int, count: int) -> float:
    if count < k:
      return math.nan
    if count - correct < k:  # too few wrong ones to draw k of them
      return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(count - correct + 1, count + 1)))

  return np.array([one(int(c), int(m)) for c, m in zip(n_correct, n, strict=True)])


def majority_at_k(
  answers: Sequence[Sequence[str | None]], correct: Sequence[Sequence[bool]]
) -> np.ndarray:
  """Chance that the most common answer is right (self-consistency). -> [P]

  Wang et al., 2023, https://arxiv.org/abs/2203.11171. The paper does not say: ties are
  broken by a fair coin, so tied answers share the credit; no answer (None) wins only
  where no sample has one; answers are compared as text, without spaces around them.
  Samples that agree in their answer and differ in `correct` count by their mean. NaN
  where a problem has no samples.
  """

  def one(texts: Sequence[str | None], flags: Sequence[bool]) -> float:
    votes: dict[str | None, list[bool]] = {}
    for text, flag in zip(texts, flags, strict=True):
      votes.setdefault(text if text is None else text.strip(), []).append(flag)
    if len(votes) > 1:
      votes.pop(None, None)
    if not votes:
      return math.nan
    most = max(len(group) for group in votes.values())
    return float(np.mean([np.mean(g) for g in votes.values() if len(g) == most]))

  return np.array([one(t, f) for t, f in zip(answers, correct, strict=True)])


def _with_interval(
  name: str, value: float, interval: tuple[float, float]
) -> dict[str, float]:
  return {name: value, f"{name}_low": interval[0], f"{name}_high": interval[1]}


def _share(flags: Sequence[bool]) -> float:
  return sum(flags) / len(flags) if flags else math.nan


def _greedy(greedy: Sequence[Sample]) -> dict[str, float]:
  scored = [sample for sample in greedy if sample.score is not None]
  right = [sample.correct for sample in scored]
  return _with_interval(
    "greedy_accuracy", _share(right), wilson(sum(right), len(right))
  ) | {
    # The form is known of every answer, whatever became of its score.
    "greedy_formatted": _share([sample.formatted for sample in greedy]),
    "greedy_accuracy_when_formatted": _share(
      [sample.correct for sample in scored if sample.formatted]
    ),
  }


def _sampled(sampled: Sequence[Sequence[Sample]]) -> dict[str, float]:
  scored = [[s for s in samples if s.score is not None] for samples in sampled]
  n = np.array([len(samples) for samples in scored])
  n_correct = np.array([sum(s.correct for s in samples) for samples in scored])
  k_max = max(len(samples) for samples in sampled)

  def over_problems(name: str, rates: np.ndarray, k: int) -> dict[str, float]:
    known = ~np.isnan(rates)  # the rest had too few scored samples
    mean = float(np.mean(rates[known])) if known.any() else math.nan
    interval = cluster_interval(rates[known], float(n[known].sum()) / k)
    return _with_interval(name, mean, interval)

  result: dict[str, float] = {}
  result |= over_problems("mean_at_k", mean_at_k(n_correct, n), 1)
  for power in range(k_max.bit_length()):
    k = 2**power
    result |= over_problems(f"pass_at_{k}", pass_at_k(n_correct, n, k), k)
  credit = majority_at_k(
    [[s.answer for s in samples] for samples in scored],
    [[s.correct for s in samples] for samples in scored],
  )
  result["majority_at_k"] = float(np.mean(credit[n > 0])) if n.any() else math.nan
  return result | {"samples_per_problem": float(k_max)}


def summarize(
  greedy: Sequence[Sample], sampled: Sequence[Sequence[Sample]]
) -> dict[str, float]:
  """One evaluation as a flat dict of shares in [0, 1] and counts.

  Unscorable samples (a score of None) are in no accuracy, neither as wrong nor as
  right, and are counted in `unscorable`. A problem whose samples are all unscorable is
  left out of a mean; one with fewer scored samples than k is left out of pass@k.

  Args:
    greedy: one answer a problem; may be empty.
    sampled: of each problem its samples; may be empty.

  Returns:
    Always `problems` (asked) and `unscorable` (samples, greedy ones too).
    With `greedy`: greedy_accuracy (+ _low, _high), greedy_formatted (share of answers
    in the asked form), greedy_accuracy_when_formatted.
    With `sampled`: samples_per_problem (k, the most asked), mean_at_k and pass_at_1,
    pass_at_2, pass_at_4 ... up to k (+ _low, _high each), majority_at_k.
    What no scored sample tells is NaN.
  """
  everyone: list[Sample] = [*greedy, *(s for samples in sampled for s in samples)]
  result = {
    "problems": float(max(len(greedy), len(sampled))),
    "unscorable": float(sum(sample.score is None for sample in everyone)),
  }
  if greedy:
    result |= _greedy(greedy)
  if any(sampled):
    result |= _sampled(sampled)
  return result
