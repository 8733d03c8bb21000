"""Final answers: votes over samples and their scores, on the host.

  majority        argmax_a n_a
  best            the answer of argmax_i s_i
  weighted_vote   argmax_a sum over i with answer a of s_i
  vote_mean       argmax_a of the mean of the s_i with answer a
  self_prm        `best`; samples that tie on s vote, then the first
  frequency_vote  argmax_a w R_a + (1 - w) n_a / N,  R_a = mean s_i of a, scaled to 0..1
  hybrid          the majority where n_a / N > share, else argmax_a of the mean s_i
  filter_vote     the majority of the accepted samples; of all where none is

Self-PRM: Feng et al., https://arxiv.org/abs/2505.11227, with s_i the policy's judgement
of its own sample. frequency_vote and hybrid: UnPRM, Han et al.,
https://arxiv.org/abs/2508.01773, whose repository has neither: w, the share, min-max
scaling over the answers and the mean are choices. filter_vote: Critic-CoT, Zheng et
al., https://arxiv.org/abs/2408.16326. weighted_vote and vote_mean: MedS3's "vote-sum"
and "vote-mean", https://arxiv.org/abs/2501.12051.

Answers are strings that are equal where they are equivalent; None is a sample without
an answer. None never wins while there is an answer (its samples still count in N), and
the result is None only where nothing else is there. Of answers that tie the one that
comes first wins.
"""

import collections
from collections.abc import Callable, Sequence

Answer = str | None


def majority(answers: Sequence[Answer]) -> Answer:
  """The most frequent answer."""
  return _argmax(answers, [1.0] * len(answers), sum)


def best(answers: Sequence[Answer], scores: Sequence[float]) -> Answer:
  """The answer of the best sample."""
  return _argmax(answers, scores, max)


def weighted_vote(answers: Sequence[Answer], scores: Sequence[float]) -> Answer:
  """The answer with the highest sum of scores, which should not be negative."""
  return _argmax(answers, scores, sum)


def vote_mean(answers: Sequence[Answer], scores: Sequence[float]) -> Answer:
  """The answer with the highest mean score."""
  return _argmax(answers, scores, _mean)


def self_prm(answers: Sequence[Answer], scores: Sequence[float]) -> Answer:
  """The answer of the best sample; samples that tie vote."""
  given = _answered(answers, scores)
  if not given:
    return None
  highest = max(score for _, score in given)
  return majority([answer for answer, score in given if score == highest])


def frequency_vote(
  answers: Sequence[Answer], scores: Sequence[float], *, weight: float = 0.5
) -> Answer:
  """The answer with the highest weighted sum of reward and frequency."""
  groups = _groups(answers, scores)
  if not groups:
    return None
  means = {answer: _mean(group) for answer, group in groups.items()}
  low, high = min(means.values()), max(means.values())
  span = high - low if high > low else 1.0  # all alike: 0 for each
  total = {
    answer: weight * (means[answer] - low) / span
    + (1 - weight) * len(group) / len(answers)
    for answer, group in groups.items()
  }
  return max(total, key=lambda answer: total[answer])


def hybrid(
  answers: Sequence[Answer], scores: Sequence[float], *, share: float = 0.5
) -> Answer:
  """The majority where it is large enough, else the answer with the best mean."""
  first = majority(answers)
  if first is None:
    return None
  if sum(answer == first for answer in answers) / len(answers) > share:
    return first
  return vote_mean(answers, scores)


def filter_vote(answers: Sequence[Answer], accepted: Sequence[bool]) -> Answer:
  """The majority of what a critic accepts; of all where it accepts no answer."""
  kept = [a for a, ok in zip(answers, accepted, strict=True) if ok]
  found = majority(kept)
  return majority(answers) if found is None else found


def acceptance_precision(accepted: Sequence[bool], correct: Sequence[bool]) -> float:
  """Share of the accepted samples that are right (Self-PRM); NaN where none is."""
  verdicts = [right for ok, right in zip(accepted, correct, strict=True) if ok]
  return sum(verdicts) / len(verdicts) if verdicts else float("nan")


def _answered(
  answers: Sequence[Answer], scores: Sequence[float]
) -> list[tuple[str, float]]:
  pairs = zip(answers, scores, strict=True)
  return [(answer, score) for answer, score in pairs if answer is not None]


def _groups(
  answers: Sequence[Answer], scores: Sequence[float]
) -> dict[str, list[float]]:
  groups: dict[str, list[float]] = collections.defaultdict(list)
  for answer, score in _answered(answers, scores):
    groups[answer].append(float(score))
  return dict(groups)


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values)


def _argmax(
  answers: Sequence[Answer],
  scores: Sequence[float],
  value: Callable[[list[float]], float],
) -> Answer:
  groups = _groups(answers, scores)
  # `max` takes the first of equal ones, and groups are in the order of the answers.
  return max(groups, key=lambda answer: value(groups[answer])) if groups else None
