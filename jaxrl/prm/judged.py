"""A file of solutions, judged: scores of steps, and the texts behind them.

`jaxrl judge CONFIG SOLUTIONS OUT`. A line of OUT is the line of SOLUTIONS with, under
`about.judged`,

  form       of `judgement.FORMS`
  scores     of its steps; null where nothing was read
  score      of the solution, by a rule of prm/scores
  accepted   the share of the texts, or of the votes on all steps, that find no mistake
  texts      [{"upto", "vote", "text"}], what was written to each prompt; with --refine
             those that reject have "rewrite" and its outcome, "rewrite_right"
  refined    with --refine: {"steps", "outcome", "accepted", "rewrites"}, the solution
             after as many rewrites as it took

Lines are written in the order of SOLUTIONS, and a run that was killed goes on behind
the last whole one: what is drawn depends on a line's number alone.
"""

import dataclasses
import os
import pathlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from jaxrl import draw, pick
from jaxrl.build import Run
from jaxrl.errors import UserError
from jaxrl.prm import evaluation, judgement, solutions
from jaxrl.prm import judge as judge_lib
from jaxrl.prm.judge import Judge, Written, mean_vote
from jaxrl.prm.judgement import Ask, Settings
from jaxrl.prm.refine import Draft, Rewriter
from jaxrl.prm.solutions import Solution
from jaxrl.prm.written import finished
from jaxrl.search import answers
from jaxrl.types import Tree


def judge_file(
  run: Run, params: Tree, source: pathlib.Path, target: pathlib.Path, settings: Settings
) -> dict[str, float]:
  """Judges the solutions that `target` lacks; counts of this call, metrics of all.

  Raises:
    UserError: no solutions, a form or a rule that is not there, or a target that is
      of other solutions.
  """
  form = "steps" if settings.form is None else settings.form
  how = judgement.form_of(form)
  found = solutions.read(source)
  before = _done(target, found)
  with judge_lib.programs(run) as programs, draw.verifiers(run) as verifiers:
    judge = Judge(
      run,
      params,
      form=form,
      votes=settings.votes,
      answer_tokens=settings.answer_tokens,
      batch_asks=settings.batch_solutions,
      rechecks=settings.rechecks,
      decision_temperature=settings.decision_temperature,
      programs=programs if how.runs_code else None,
    )
    rewriter = None
    if settings.refine:
      known = {problem.id: problem for problem in (*run.task.train, *run.task.test)}
      rewriter = Rewriter(run, params, verifiers, known, settings.batch_solutions)
    judging = FileJudge(judge, rewriter, settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    size = settings.batch_solutions
    with open(target, "ab") as file:
      for start in tqdm.tqdm(range(before, len(found), size), unit="batch"):
        lines = judging(found[start : start + size], start)
        file.write("".join(map(solutions.to_line, lines)).encode())
        file.flush()
        os.fsync(file.fileno())
  counts = {name: float(count) for name, count in sorted(judge.counts.items())}
  return {"judged_before": float(before), **counts, **metrics(solutions.read(target))}


def _done(target: pathlib.Path, found: Sequence[Solution]) -> int:
  """Lines of the target that are there; it must be of these solutions."""
  try:
    finished(target)  # cuts off a line that was not written whole
    lines = target.read_bytes().splitlines() if target.exists() else []
    there = [solutions.from_line(line) for line in lines]
  except ValueError as error:
    raise UserError(f"{target}: {error}; move it away, or judge into another") from None
  for old, new in zip(there, found, strict=False):
    if (old.question, old.steps) != (new.question, new.steps):
      raise UserError(f"{target} is of other solutions; judge into another file")
  if len(there) > len(found):
    raise UserError(f"{target} has more solutions than were to be judged; move it away")
  return len(there)


@dataclasses.dataclass(frozen=True)
class FileJudge:
  """Judges some lines of a file at a time."""

  judge: Judge
  rewriter: Rewriter | None
  settings: Settings

  def __call__(self, found: Sequence[Solution], first: int) -> list[Solution]:
    """The solutions with what was found under `about.judged`."""
    asks = [self._ask(one, one.steps) for one in found]
    key = jax.random.fold_in(jax.random.key(self.settings.seed), draw.LABELS)
    numbers = range(first, first + len(found))
    written, votes, scores = self._scores(asks, key, numbers)
    texts = [
      {"upto": chain.ask.upto, "vote": vote, "text": chain.text}
      for _, vote, chain in written
    ]
    refined: list[Any] = [None] * len(found)
    if self.rewriter is not None:
      refined = self._refine(found, first, key, (written, texts, list(scores)))
    of_place = defaultdict(list)
    for (place, _, _), text in zip(written, texts, strict=True):
      of_place[place].append(text)
    lines = []
    for place, one in enumerate(found):
      about = {
        "form": self.judge.form,
        "scores": [_number(x) for x in scores[place]],
        "score": _number(self._of_solution(scores[place])),
        "accepted": float(np.mean([judgement.accepts(row) for row in votes[place]])),
        "texts": of_place[place],
      }
      about |= {"refined": refined[place]} if refined[place] is not None else {}
      lines.append(dataclasses.replace(one, about={**one.about, "judged": about}))
    return lines

  def _ask(self, one: Solution, steps: Sequence[str]) -> Ask:
    reference = one.answer if self.settings.reference else ""
    return judgement.ask_of(one.question, steps, one.about, reference)

  def _scores(
    self, asks: Sequence[Ask], key: jax.Array, numbers: Sequence[int]
  ) -> tuple[list[Written], list[np.ndarray], list[np.ndarray]]:
    """What was written, its verdicts [K, S] and the scores [S] of each solution."""
    judge = self.judge
    how = judgement.form_of(judge.form)
    weighs = self.settings.score == "probability" and how.places is not None
    by_prefix = weighs and how.together
    written = judge.write(asks, key, numbers=numbers, by_prefix=by_prefix)
    votes = judge.read(asks, written)
    said = judge.weigh(asks, written) if weighs else votes
    return written, votes, [mean_vote(one) for one in said]

  def _of_solution(self, scores: np.ndarray) -> float:
    name = self.settings.solution_score
    if name is None:
      together = judgement.form_of(self.judge.form).together
      name = "last" if together else "minimum"
    known = ~np.isnan(scores)
    if not known.any():
      return float("nan")
    rule = pick.pick("prm/scores", name)
    row = jnp.asarray(np.nan_to_num(scores), jnp.float32)[None]
    return float(rule(row, jnp.asarray(known, jnp.float32)[None])[0])

  def _refine(
    self,
    found: Sequence[Solution],
    first: int,
    key: jax.Array,
    judged: tuple[list[Written], list[dict[str, Any]], list[np.ndarray]],
  ) -> list[dict[str, Any]]:
    """Rewrites until the judge accepts, or as often as was asked for.

    At first from every text that rejects, which is what critiques are kept by; then on
    from the first of them.
    """
    assert self.rewriter is not None
    written, texts, scores = judged
    rejects = lambda said: evaluation.first_error(said) >= 0
    state: list[dict[str, Any]] = [
      {"steps": list(one.steps), "outcome": one.outcome, "rewrites": 0} for one in found
    ]
    for turn in range(self.settings.refine):
      rejecting = self._rejecting(written, scores)
      if turn:
        rejecting = [
          one for one in _first_of_each(rejecting) if rejects(scores[one[0]])
        ]
      drafts = [
        Draft(
          found[place].problem,
          found[place].question,
          tuple(state[place]["steps"]),
          wrong,
          written[text].chain.text,
          (first + place) * self.judge.votes + vote,
        )
        for place, vote, wrong, text in rejecting
      ]
      rewrites = self.rewriter(drafts, jax.random.fold_in(key, 2 * turn + 1))
      changed = []
      for (place, _, _, text), new in zip(rejecting, rewrites, strict=True):
        if turn == 0:
          texts[text] |= {"rewrite": new.text, "rewrite_right": new.outcome}
        if place not in changed and new.steps and rejects(scores[place]):
          changed.append(place)
          state[place] = {
            "steps": list(new.steps),
            "outcome": new.outcome,
            "rewrites": turn + 1,
          }
      asks = [self._ask(found[place], state[place]["steps"]) for place in changed]
      numbers = [first + place for place in changed]
      at = jax.random.fold_in(key, 2 * turn + 2)
      again, _, said = self._scores(asks, at, numbers)
      written = [Written(changed[place], vote, chain) for place, vote, chain in again]
      for place, new_scores in zip(changed, said, strict=True):
        scores[place] = new_scores
    for now, last in zip(state, scores, strict=True):
      now["accepted"] = not rejects(last) and not np.isnan(last).any()
    return state

  def _rejecting(
    self, written: Sequence[Written], scores: Sequence[np.ndarray]
  ) -> list[tuple[int, int, int, int]]:
    """(solution, vote, first wrong step, number of the text) of those that reject.

    Texts on one step do so on the first that scores below 1/2.
    """
    found = []
    for number, (place, vote, chain) in enumerate(written):
      if chain.ask.upto is None:
        said = judgement.verdicts(chain.text, chain.ask, form=self.judge.form)
        wrong = int(np.argmax(said == judgement.WRONG))
        rejects = judgement.rejects(said)
      else:
        wrong = chain.ask.upto
        rejects = wrong == evaluation.first_error(scores[place])
      if rejects:
        found.append((place, vote, wrong, number))
    return found


def _first_of_each(
  found: Sequence[tuple[int, int, int, int]],
) -> list[tuple[int, int, int, int]]:
  kept: dict[int, tuple[int, int, int, int]] = {}
  for one in found:
    kept.setdefault(one[0], one)
  return list(kept.values())


def _number(value: float) -> float | None:
  return None if np.isnan(value) else float(value)


# --- how good it is -----------------------------------------------------------------


def metrics(found: Sequence[Solution]) -> dict[str, float]:
  """What judged solutions allow: first errors, calibration, the choice among samples.

  With labels those of `evaluation.summarize_steps`. With outcomes `precision`, the
  share of the accepted solutions that are right (Self-PRM); where solutions to a
  question have answers too, the accuracy of `search.answers` `majority`, `self_prm`
  and `filter_vote`; with rewrites, `refined_accuracy` of the solutions after them.
  """
  result: dict[str, float] = {"solutions": float(len(found))}
  labelled = [one for one in found if any(x is not None for x in one.labels)]
  if labelled:
    scores = [one.about["judged"]["scores"] for one in labelled]
    result |= evaluation.summarize_steps(scores, [one.labels for one in labelled])
  known = [one for one in found if one.outcome is not None]
  if known:
    right = [one.outcome == 1 for one in known]
    result["accuracy"] = float(np.mean(right))
    result["precision"] = answers.acceptance_precision(
      [_accepted(one) for one in known], right
    )
    result |= selection(known)
  refined = [one.about["judged"].get("refined") for one in known]
  outcomes = [now["outcome"] for now in refined if now is not None]
  outcomes = [outcome for outcome in outcomes if outcome is not None]
  if outcomes:
    result["refined_accuracy"] = float(np.mean(outcomes))
  return result


def selection(found: Sequence[Solution]) -> dict[str, float]:
  """Accuracy of the answer that each rule takes, mean over questions of several."""
  groups: dict[str, list[Solution]] = defaultdict(list)
  for one in found:
    if "answer" in one.about:
      groups[one.question].append(one)
  rules: dict[str, list[float]] = defaultdict(list)
  for group in groups.values():
    if len(group) < 2:
      continue
    said = [one.about["answer"] for one in group]
    scores = [one.about["judged"]["score"] for one in group]
    scores = [-np.inf if x is None else x for x in scores]  # no score is the worst
    chosen = {
      "majority": answers.majority(said),
      "self_prm": answers.self_prm(said, scores),
      "filter_vote": answers.filter_vote(said, [_accepted(one) for one in group]),
    }
    right: Mapping[Any, float] = {
      one.about["answer"]: float(one.outcome == 1) for one in group
    }
    for name, answer in chosen.items():
      rules[name].append(right.get(answer, 0.0) if answer is not None else 0.0)
  return {f"{name}_accuracy": float(np.mean(x)) for name, x in rules.items()}


def _accepted(one: Solution) -> bool:
  """By most of the votes."""
  return one.about["judged"]["accepted"] > 0.5
