"""Problems -> solutions with labelled steps: sample, cut, complete prefixes, decide.

A model writes solutions; a rule of `prm/steps` cuts them; a rule of `prm/queries` says,
solution by solution, from which prefix completions are wanted next, and those of all
solutions are sampled together, each prefix once in the cache for all its completions;
verifiers score them; a rule of `prm/labels` makes labels of what is then known. Host
code around the sampler.

A problem's lines are written when all its solutions are done, and only then: a run that
was killed goes on with the problems that are not in the file. What is drawn depends on
the seed and the problem's number alone, not on its neighbours or on interruptions.
"""

import dataclasses
import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
import tqdm

from jaxrl import draw, pick, prompts
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.errors import UserError
from jaxrl.policy import jitted_outputs_old
from jaxrl.prm import solutions, writing
from jaxrl.prm.evidence import DONE, JUDGE, Evidence
from jaxrl.prm.inquiry import Inquiry, inquire
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.written import (
  Written,
  balanced,
  completing,
  count,
  cut,
  finished,
  right,
  solution_of,
)
from jaxrl.problems import Problem, in_test
from jaxrl.rollout import Responses
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Tree

STEPS_MAX = 4096  # of a solution: rows of randomness are numbered by them
TURNS = 32  # stream of completions beyond the first `labelling.completions`, and on


@dataclasses.dataclass(frozen=True)
class Labeller:
  """The parts of a labelling run."""

  run: Run
  pool: VerifierPool
  params: Tree
  counts: Counter
  inquiry: Inquiry  # what rules want to know beside completions

  def problems(self, problems: Sequence[tuple[int, Problem]]) -> list[list[Written]]:
    """Solutions of numbered problems, with all the evidence that the query asks for."""
    found = self.solutions(problems)
    self.find_out([one for written in found for one in written if one.texts])
    return found

  def find_out(self, every: Sequence[Written]) -> None:
    """Adds to solutions all the evidence that the query asks for."""
    query = bind(self.run.config, "query")
    self.inquiry.before(every)
    open_ = every
    while open_:
      asked = [(one, int(pick.call(query, one.evidence))) for one in open_]
      self._give_up([one for one, prefix in asked if prefix in one.asked])
      asked = [(one, prefix) for one, prefix in asked if prefix != DONE]
      asked = [(one, prefix) for one, prefix in asked if not one.given_up]
      self._judge([one for one, prefix in asked if prefix == JUDGE])
      self._complete([(one, prefix) for one, prefix in asked if prefix != JUDGE])
      open_ = [one for one, _ in asked]
    self.inquiry.after([one for one in every if not one.given_up])

  def _judge(self, doubted: Sequence[Written]) -> None:
    """What a query asks of judges."""
    self.inquiry.judge(doubted)
    for one in doubted:
      one.asked.add(JUDGE)

  def _give_up(self, stuck: Sequence[Written]) -> None:
    """Solutions with a prefix none of whose completions could be scored."""
    for one in stuck:
      one.given_up = True
      self.counts["solutions_given_up"] += 1

  def line(self, one: Written) -> solutions.Solution:
    """What is written of a solution."""
    return solution_of(self.run, one, self.inquiry.documents(one.problem))

  def solutions(self, numbered: Sequence[tuple[int, Problem]]) -> list[list[Written]]:
    """The problems' solutions, cut into steps and scored."""
    run, size = self.run, self.run.config.labelling.solutions
    asked = [problem for _, problem in numbered]
    # Always as many: one shape, which compiles once. What is added is dropped.
    full = asked + [asked[-1]] * (run.config.labelling.batch_problems - len(asked))
    first = np.array([number * size for number, _ in numbered])
    first = np.concatenate([first, np.repeat(first[-1:], len(full) - len(asked))])
    drawn = draw.draw(
      run,
      self.pool,
      run.policy.variables(self.params, run.frozen),
      full,
      draw.stream(run.config.seed, draw.LABELS, 0),
      rules=run.rules,
      group=size,
      first_row=first,
    )
    entropy = self._entropy(drawn.batch)
    batch = drawn.batch
    tokens, mask, logp = jax.device_get((batch.tokens, batch.mask, batch.logp_old))
    found = []
    for n, (number, problem) in enumerate(numbered):
      prompt = prompts.encode(
        run.tokenizer, run.task, problem, chat=run.config.model.chat
      )
      rows = range(n * size, (n + 1) * size)
      said = lambda x, row: None if x is None else x[row][mask[row] > 0]
      made = [
        self._cut(*(said(x, row) for x in (tokens, logp, entropy))) for row in rows
      ]
      found.append(
        [
          self._written(problem, number * size + i, prompt, *one, drawn.outcomes[row])
          for i, (row, one) in enumerate(zip(rows, made, strict=True))
        ]
      )
    return found

  def _cut(
    self, tokens: Any, logp: Any, entropy: Any
  ) -> tuple[list[int], list[str], list[int], np.ndarray]:
    """A response's tokens, its steps' texts and ends, and its tokens' log-probs.

    Each argument is [R], with the stop token where there is one; entropies may be None.
    """
    run, ids = self.run, tokens.tolist()
    ids = ids[: len(ids) - (bool(ids) and ids[-1] in run.rules.stop_ids)]
    response = Response(
      pieces=pieces(run.tokenizer, ids),
      logp=logp[: len(ids)],
      entropy=None if entropy is None else entropy[: len(ids)],
    )
    texts, ends = cut(response, pick.call(bind(run.config, "cut"), response))
    return ids, texts, ends, logp[: len(ids)]

  def _written(
    self,
    problem: Problem,
    number: int,
    prompt: list[int],
    tokens: list[int],
    texts: list[str],
    ends: list[int],
    logp: np.ndarray,
    outcome: Outcome,
  ) -> Written:
    run, completions = self.run, self.run.config.labelling.completions
    self.counts[f"solutions_{outcome.status}"] += 1
    evidence = Evidence(
      steps=len(ends),
      outcome=right(run, outcome),
      right=_unknown(len(ends), completions),
      likelihood=_unknown(len(ends), completions),
      step_logp=np.split(logp[: ends[-1]], ends[:-1]) if ends else [],
      checked=_checked(run, problem, texts),
    )
    return Written(
      problem, number, prompt, tokens, ends, texts, evidence, outcome.answer
    )

  def _entropy(self, batch: Any) -> np.ndarray | None:
    """Entropies [B, T] where the rule that cuts reads them."""
    if "entropy" not in pick.needs(bind(self.run.config, "cut")):
      return None
    # Neighbours share a prompt as training does, and here others are neighbours.
    alone = dataclasses.replace(self.run.policy, responses_per_row=1)
    score = jitted_outputs_old(alone, ("entropy",), 1)
    return np.asarray(score(self.params, self.run.frozen, batch).entropy)

  def _complete(self, asked: Sequence[tuple[Written, int]]) -> None:
    """Samples and scores completions of prefixes, and adds them to the evidence.

    As many as that has columns: in turns, of `labelling.completions` each.
    """
    settings, turn = self.run.config.labelling, 0
    k = settings.completions
    while asked:
      numbers = [one.number * STEPS_MAX + prefix for one, prefix in asked]
      for part, responses in writing.behind(
        self.run,
        self.params,
        [one.prompt + one.tokens[: _said(one, prefix)] for one, prefix in asked],
        [range(number * k, (number + 1) * k) for number in numbers],
        draw.stream(self.run.config.seed, draw.LABELS, TURNS + turn if turn else 1),
        batch_prefixes=settings.batch_prefixes,
        rules=completing(self.run),
      ):
        self._add([asked[i] for i in part], responses, turn)
      turn += 1
      asked = [(one, prefix) for one, prefix in asked if _room(one) > turn * k]

  def _add(
    self, asked: Sequence[tuple[Written, int]], responses: Responses, turn: int
  ) -> None:
    """Scores completions, and adds them to the evidence."""
    run, k = self.run, self.run.config.labelling.completions
    words = draw.texts(run.tokenizer, responses)
    mask, logp = np.asarray(responses.mask), np.asarray(responses.logp)
    likelihood = np.exp((mask * logp).sum(1) / np.maximum(mask.sum(1), 1.0))
    whole = [
      (one.problem, "".join(one.texts[:prefix]) + words[i * k + j])
      for i, (one, prefix) in enumerate(asked)
      for j in range(k)
    ]
    outcomes = self.pool.verify(whole)
    for i, (one, prefix) in enumerate(asked):
      of_one = outcomes[i * k : (i + 1) * k]
      self.counts.update(f"completions_{outcome.status}" for outcome in of_one)
      one.asked.add(prefix)
      said = words[i * k : (i + 1) * k]
      one.completions[prefix] = [*one.completions.get(prefix, ()), *said]
      assert one.evidence.right is not None and one.evidence.likelihood is not None
      columns = slice(turn * k, (turn + 1) * k)
      one.evidence.right[prefix, columns] = [right(run, outcome) for outcome in of_one]
      one.evidence.likelihood[prefix, columns] = likelihood[i * k : (i + 1) * k]


def _unknown(steps: int, completions: int) -> np.ndarray:
  return np.full((steps + 1, completions), np.nan)


def _checked(run: Run, problem: Problem, texts: list[str]) -> np.ndarray | None:
  if run.task.check_steps is None:
    return None
  return np.array(run.task.check_steps(problem, texts), float)


def _said(one: Written, prefix: int) -> int:
  return one.ends[prefix - 1] if prefix else 0


def _room(one: Written) -> int:
  assert one.evidence.right is not None
  return one.evidence.right.shape[1]


def label(
  run: Run, pool: VerifierPool, params: Tree, path: pathlib.Path
) -> dict[str, float]:
  """Writes labelled solutions of the task's problems; goes on where it was stopped.

  Returns:
    Counts of this call: problems, solutions, steps, labels, failures of verifiers and
    of judges.

  Raises:
    UserError: the file holds what is no solution, a rule gave the wrong labels, or what
      it reads (judges, documents, a model) is not there.
  """
  try:
    done = finished(path)
  except ValueError as error:
    raise UserError(f"{path}: {error}; move it away, or label into another") from None
  counts = Counter(problems_done_before=len(done))
  todo = [(i, p) for i, p in _mine(run) if p.id not in done]
  with inquire(run, pool, params, counts) as inquiry:
    labeller = Labeller(run, pool, params, counts, inquiry)
    inquiry.prepare(labeller.solutions, list(_mine(run)))
    _write(labeller, todo, path)
  return {name: float(count) for name, count in sorted(counts.items())}


def _write(
  labeller: Labeller, todo: Sequence[tuple[int, Problem]], path: pathlib.Path
) -> None:
  """Adds the lines of numbered problems to the file, batch by batch."""
  path.parent.mkdir(parents=True, exist_ok=True)
  run, counts = labeller.run, labeller.counts
  size = run.config.labelling.batch_problems
  most = run.config.labelling.right_solutions_max
  with open(path, "ab") as file, tqdm.tqdm(total=len(todo), unit="problem") as bar:
    for start in range(0, len(todo), size):
      part = todo[start : start + size]
      for written in bind(run.config, "tree")(labeller, part):
        lines = [labeller.line(one) for one in written if one.texts]
        lines = balanced(lines, most) if most else lines
        counts["empty_solutions"] += len(written) - len(lines)
        count(counts, lines)
        lines += [pair for one in written for pair in labeller.inquiry.pairs(one)]
        lines += [pair for one in written for pair in one.pairs]
        # Whole problems at once, on disk before the next: a kill loses none of them.
        file.write("".join(map(solutions.to_line, lines)).encode())
        file.flush()
        os.fsync(file.fileno())
      counts["problems"] += len(part)
      bar.update(len(part))


def _mine(run: Run) -> Iterator[tuple[int, Problem]]:
  """This shard's problems, numbered as in the whole task."""
  settings = run.config.labelling
  side = run.task.test if settings.split == "test" else run.task.train
  seen: set[str] = set()
  for number in range(min(settings.problems, len(side))):
    problem = side[number]
    if problem.id in seen:
      continue
    seen.add(problem.id)
    if _shard(problem.id, settings.shards) == settings.shard:
      yield number, problem


def _shard(problem: str, shards: int) -> int:
  return next(i for i in range(shards) if in_test(problem, (i + 1) / shards))
