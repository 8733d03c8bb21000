"""UnPRM: as many samples as a question's difficulty asks for. Han et al.,
https://arxiv.org/abs/2508.01773.

  r_n    = number of right ones among the first n of a question's samples
  skip   the question where r_72 <= enough
  N      = the smallest multiple of 8, and at least `least`, with r_N >= enough
  labels for 2 right and 6 wrong samples: those with the highest mean_t |u_t+1 - u_t|

u_t is the entropy of step t as in `labels/unprm`. N completions of each prefix that
`queries/by_uncertainty` asks for decide which step is the first wrong one; the first N
samples are those of the question. `labelling.solutions` is the number of samples, 72,
and N is a multiple of `labelling.completions`, 8. `objectives/pqm` learns the labels;
at test answers are chosen by `frequency_vote` and `hybrid` of `search/answers`, which
`jaxrl search` prints.

The authors' code draws the samples that get labels (32) and, with N known, those of the
question once more; here one set is all of them. It takes N from the 0-based place of
the last right sample that is needed, one multiple too few where that begins a new one.
Where the paper is silent: a sample that no verifier could score is neither right nor
wrong; likelihoods of the question's samples are without their stop token; a question
with few wrong samples has fewer that get labels. Those of a skipped question, which is
counted (`questions_skipped`), are written without labels: a run that goes on knows it.

Id: unprm
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.evidence_rules import entropies
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem


def unprm(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  enough: int = 10,
  least: int = 16,
  kept: int = 8,
  kept_right: int = 2,
) -> list[list[Written]]:
  """Some samples of each problem, with evidence of as many completions as it needs."""
  settings = labeller.run.config.labelling
  if settings.solutions <= enough:
    raise UserError(
      f"tree unprm: of labelling.solutions {settings.solutions} never more than "
      f"{enough} are right, and all questions would be skipped; raise it"
    )
  every = labeller.solutions(numbered)
  found = []
  for (number, _), samples in zip(numbered, every, strict=True):
    outcomes = [one.evidence.outcome for one in samples]
    count = needed(outcomes, unit=settings.completions, enough=enough, least=least)
    labeller.counts["questions_skipped"] += count is None
    found.append(chosen(samples, kept, kept_right))
    for i, one in enumerate(found[-1]):
      one.number = number * kept + i  # small ones: rows of randomness are numbered so
      one.given_up = count is None
      if count is not None:
        _begin(one, samples[:count], count)
  written = itertools.chain(*found)
  labeller.find_out([one for one in written if not one.given_up])
  return found


def needed(
  outcomes: Sequence[float], *, unit: int, enough: int, least: int
) -> int | None:
  """How many completions of a prefix a question needs; None: it is too difficult."""
  right = np.cumsum(np.array(outcomes) == 1)
  if not len(right) or right[-1] <= enough:
    return None
  first = max(int(np.argmax(right >= enough)) + 1, least)
  return -(-first // unit) * unit


def chosen(samples: Sequence[Written], kept: int, kept_right: int) -> list[Written]:
  """Right and wrong samples whose uncertainty changes most, in their order."""
  change = lambda one: np.abs(np.diff(entropies(one.evidence.step_logp or ())))
  said = [one for one in samples if one.texts]
  said.sort(key=lambda one: -float(np.mean(change(one))) if len(one.texts) > 1 else 0.0)
  right = [one for one in said if one.evidence.outcome == 1][:kept_right]
  wrong = [one for one in said if one.evidence.outcome == 0][: kept - len(right)]
  return sorted([*right, *wrong], key=lambda one: one.number)


def _begin(one: Written, samples: Sequence[Written], count: int) -> None:
  """Room for the completions of its prefixes; those of the question are the samples."""
  right = np.full((one.evidence.steps + 1, count), np.nan)
  likelihood = np.full_like(right, np.nan)
  for i, sample in enumerate(samples):
    logp = np.concatenate([*(sample.evidence.step_logp or ()), np.zeros(0)])
    right[0, i] = sample.evidence.outcome
    likelihood[0, i] = np.exp(np.mean(logp)) if len(logp) else np.nan
  one.evidence = dataclasses.replace(one.evidence, right=right, likelihood=likelihood)
  one.asked.add(0)
