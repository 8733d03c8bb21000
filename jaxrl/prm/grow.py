"""Trees of steps that a model writes: what the rules of `prm/trees` are made of.

A node is a prefix of a response, in steps. A rule asks for further steps of nodes, for
whole continuations of them, or for what a model of steps says of them, those of all
trees at a time; which node comes next is decided by the pure functions of
`jaxrl.search` on tables on the device. Host code around the sampler: nodes keep their
token ids, and each prefix is read anew.

Where a step ends is said by the config's `cut`, on all that has been written so far.
What is drawn depends on the seed, the problem's number and the node's number in its
tree alone, so neither batches nor interruptions change a tree.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxrl import draw, pick, prompts
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.errors import UserError
from jaxrl.prm import writing
from jaxrl.prm.evidence import Evidence
from jaxrl.prm.held_out import step_scores
from jaxrl.prm.label import Labeller
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.score_steps import StepScorer, load
from jaxrl.prm.written import Written, completing, cut, right
from jaxrl.problems import Problem
from jaxrl.rollout import Responses
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Tree

NODES_MAX = 4096  # of a tree: rows of randomness are numbered by them
PATHS_MAX = 4096  # of a problem that are written
# Streams of randomness beside those of `label` and of `verdicts`.
STEPS, COMPLETIONS, LINES = 16, 17, 18
NAN = float("nan")


# (tokens behind a node without a stop token, log-probs with that of the stop token,
# whether there was one)
Drawn = tuple[list[int], list[float], bool]


@dataclasses.dataclass(frozen=True)
class Node:
  """A prefix of a response, in steps."""

  tokens: tuple[int, ...] = ()  # behind the prompt, without a stop token
  logps: tuple[float, ...] = ()  # of each token
  ends: tuple[int, ...] = ()  # of each step the place behind its last token
  texts: tuple[str, ...] = ()  # of each step
  terminal: bool = False  # nothing may follow
  ended: bool = False  # by its stop token
  outcome: float = NAN  # of a terminal one: 1. right, 0. wrong; NaN: not verified
  answer: str | None = None  # what the verifier read as its answer
  likelihood: float = 1.0  # exp(mean log-prob) of what it adds to its parent

  @property
  def text(self) -> str:
    """All that is written."""
    return "".join(self.texts)

  def until(self, steps: int) -> "Node":
    """Its first steps alone, which may go on."""
    end = self.ends[steps - 1] if steps else 0
    return Node(
      self.tokens[:end], self.logps[:end], self.ends[:steps], self.texts[:steps]
    )


@dataclasses.dataclass(frozen=True)
class Plot:
  """A problem for which a tree grows."""

  number: int  # of the problem in its task
  problem: Problem
  prompt: list[int]  # token ids


@dataclasses.dataclass(frozen=True)
class Ask:
  """A node that is to be continued."""

  plot: int  # of the batch
  number: int  # of the node in its tree: its randomness
  node: Node


def child_number(ask: Ask, k: int, width: int) -> int:
  """A number of the k-th child of a node of at most `width`, for its randomness.

  It is known before the tree knows which children it takes.
  """
  return 1 + ask.number * width + k


@dataclasses.dataclass(frozen=True)
class Grower:
  """A model, its verifiers, and the problems of a batch."""

  run: Run
  pool: VerifierPool
  params: Tree
  counts: Counter
  plots: tuple[Plot, ...]
  scorer: StepScorer | None = None  # of the config's `prm`, where it names one
  tokens: Counter = dataclasses.field(default_factory=Counter)  # sampled, by plot

  # --- what is written --------------------------------------------------------------

  def next_steps(
    self, asked: Sequence[Ask], count: int, *, step_tokens: int, depth: int
  ) -> list[list[Node]]:
    """For each, `count` sampled nodes of one step more.

    A step ends where `cut` says, or after `step_tokens` tokens. A node whose response
    has ended is verified; one that has `depth` steps, or no room for more, is terminal
    and wrong.
    """
    found = []
    for ask, drawn in zip(
      asked, self.sample(asked, count, step_tokens, STEPS), strict=True
    ):
      found.append([self._step(ask.node, *one, depth=depth) for one in drawn])
    return self.verified(asked, found)

  def completions(self, asked: Sequence[Ask], count: int) -> list[list[Node]]:
    """For each, `count` whole continuations, cut into steps and verified.

    Those that were cut off for their length are verified as they are.
    """
    longest = self.run.config.sampling.max_response_tokens
    found = []
    for ask, drawn in zip(
      asked, self.sample(asked, count, longest, COMPLETIONS), strict=True
    ):
      found.append([self._whole(ask.node, *one) for one in drawn])
    return self.verified(asked, found)

  def shares(self, asked: Sequence[Ask], counts: Sequence[int]) -> list[float]:
    """The share of each node's so many continuations that are right.

    A terminal one has its outcome; NaN where none could be verified.
    """
    found = [ask.node.outcome for ask in asked]
    for count in sorted(set(counts)):
      places = [
        i for i, ask in enumerate(asked) if counts[i] == count and not ask.node.terminal
      ]
      written = self.completions([asked[i] for i in places], count)
      for i, nodes in zip(places, written, strict=True):
        known = [node.outcome for node in nodes if not np.isnan(node.outcome)]
        found[i] = float(np.mean(known)) if known else NAN
    return found

  def values(self, asked: Sequence[Ask]) -> list[float]:
    """V of each node in -1..1: 2 p - 1 of the config's `prm`; 0 without one.

    A question alone has no step to be read, and one that the model has no room for no
    score: 0 too.
    """
    found = [0.0] * len(asked)
    read = [i for i, ask in enumerate(asked) if ask.node.texts]
    if self.scorer is None or not read:
      return found
    last = lambda node: [None] * (len(node.texts) - 1) + [1.0]
    scores = step_scores(
      self.scorer.asked_by(self.run.task),
      [self.plots[asked[i].plot].problem for i in read],
      [
        {"steps": one.texts, "labels": last(one), "outcome": None}
        for one in (asked[i].node for i in read)
      ],
      batch_rows=self.run.config.labelling.batch_prefixes,
    )
    for i, (score, _) in zip(read, scores, strict=True):
      found[i] = float(2 * score[-1] - 1) if len(score) else 0.0
    return found

  def checks(self, plot: int, texts: Sequence[str]) -> list[float]:
    """+1 right, -1 wrong, NaN: what the task's exact checker says of each step."""
    check = self.run.task.check_steps
    if check is None:
      raise UserError(
        f"tree {self.run.config.tree['name']}: the task {self.run.task.name} has no "
        "checker of steps; take one that has, such as reasoning_gym with "
        "check_equations"
      )
    return [2 * verdict - 1 for verdict in check(self.plots[plot].problem, texts)]

  def written(
    self, plot: int, path: int, node: Node, evidence: dict[str, Any]
  ) -> Written:
    """A path of a tree as a solution; `right` and the outcome are filled in."""
    steps = len(node.texts)
    known = {"right": np.full((steps + 1, 1), NAN), "outcome": node.outcome}
    one = self.plots[plot]
    return Written(
      problem=one.problem,
      number=one.number * PATHS_MAX + path,
      prompt=one.prompt,
      tokens=list(node.tokens),
      ends=list(node.ends),
      texts=list(node.texts),
      evidence=Evidence(**{"steps": steps, **known, **evidence}),
      answer=node.answer,
    )

  # --- how --------------------------------------------------------------------------

  @property
  def room(self) -> int:
    """Tokens of a response at most, so that its stop token still trains."""
    return self.run.config.sampling.max_response_tokens - 1

  def sample(
    self,
    asked: Sequence[Ask],
    count: int,
    longest: int,
    stream: int,
    *,
    greedy: bool = False,
  ) -> list[list[Drawn]]:
    """`count` continuations of each node, of at most `longest` tokens."""
    run = self.run
    found: list[list[Drawn]] = [[] for _ in asked]
    if max((ask.number for ask in asked), default=0) >= NODES_MAX:
      raise UserError(
        f"tree {run.config.tree['name']}: a tree has more than {NODES_MAX} nodes; "
        "lower its sizes"
      )
    rules = completing(run) if stream == COMPLETIONS else run.rules
    numbers = [self.plots[ask.plot].number * NODES_MAX + ask.number for ask in asked]
    for part, responses in writing.behind(
      run,
      self.params,
      [self.plots[ask.plot].prompt + list(ask.node.tokens) for ask in asked],
      [range(number * count, (number + 1) * count) for number in numbers],
      draw.stream(run.config.seed, draw.LABELS, stream),
      batch_prefixes=run.config.labelling.batch_prefixes,
      rules=dataclasses.replace(rules, max_tokens=longest, greedy=greedy),
    ):
      drawn = self._drawn(responses)
      for place, i in enumerate(part):
        found[i] = drawn[place * count : (place + 1) * count]
        sampled = sum(len(logs) for _, logs, _ in found[i])
        self.tokens[asked[i].plot] += sampled
        self.counts["sampled_tokens"] += sampled
    return found

  def _drawn(self, responses: Responses) -> list[Drawn]:
    run = self.run
    said, mask, logp = (
      np.asarray(x) for x in (responses.tokens, responses.mask, responses.logp)
    )
    found = []
    for row in range(len(mask)):
      kept = mask[row] > 0
      ids, logs = said[row][kept].tolist(), logp[row][kept].tolist()
      stopped = bool(ids) and ids[-1] in run.rules.stop_ids
      found.append((ids[: len(ids) - stopped], logs, stopped))
    return found

  def _step(
    self, node: Node, ids: list[int], logs: list[float], stopped: bool, *, depth: int
  ) -> Node:
    """The node with the first step of what was sampled behind it."""
    whole = self._whole(node, ids, logs, stopped)
    new = len(whole.ends) - len(node.ends)
    if whole.ended and new < 2:
      return whole
    steps = len(node.ends) + min(new, 1)
    end = whole.ends[steps - 1] if new else len(node.tokens)
    full = new == 0 or steps >= depth or end >= self.room
    return Node(
      tokens=whole.tokens[:end],
      logps=whole.logps[:end],
      ends=whole.ends[:steps],
      texts=whole.texts[:steps],
      terminal=full,
      outcome=0.0 if full else NAN,
      likelihood=_likelihood(logs[: end - len(node.tokens)]),
    )

  def _whole(
    self, node: Node, ids: list[int], logs: list[float], stopped: bool
  ) -> Node:
    """The node with all that was sampled behind it, as far as there is room.

    Steps that the node has stay as they are, whatever `cut` says of the longer text;
    tokens at the end that add no text are left out.
    """
    room = max(self.room - len(node.tokens), 0)
    tokens, logps = (*node.tokens, *ids[:room]), (*node.logps, *logs[:room])
    logps = logps[: len(tokens)]
    parts = pieces(self.run.tokenizer, tokens)
    response = Response(pieces=parts, logp=np.array(logps))
    _, places = cut(response, pick.call(bind(self.run.config, "cut"), response))
    ends, texts = list(node.ends), list(node.texts)
    start = len(node.tokens)
    for end in places:
      text = "".join(parts[start:end])
      if end > start and text:
        ends.append(end)
        texts.append(text)
        start = end
    return Node(
      tokens=tokens[:start],
      logps=logps[:start],
      ends=tuple(ends),
      texts=tuple(texts),
      terminal=True,
      ended=stopped and len(ids) <= room,
      likelihood=_likelihood(logs),
    )

  def verified(self, asked: Sequence[Ask], found: list[list[Node]]) -> list[list[Node]]:
    """The nodes, with the outcomes of those that have ended by themselves."""
    places = [
      (i, j)
      for i, nodes in enumerate(found)
      for j, node in enumerate(nodes)
      if node.terminal and np.isnan(node.outcome)
    ]
    pairs = [(self.plots[asked[i].plot].problem, found[i][j].text) for i, j in places]
    for (i, j), outcome in zip(places, self.pool.verify(pairs), strict=True):
      self.counts[f"responses_{outcome.status}"] += 1
      found[i][j] = dataclasses.replace(
        found[i][j], outcome=right(self.run, outcome), answer=outcome.answer
      )
    return found


def plots_of(run: Run, numbered: Sequence[tuple[int, Problem]]) -> tuple[Plot, ...]:
  """Numbered problems of the run's task, with their prompts."""
  encode = lambda problem: prompts.encode(
    run.tokenizer, run.task, problem, chat=run.config.model.chat
  )
  return tuple(Plot(number, problem, encode(problem)) for number, problem in numbered)


def start(labeller: Labeller, numbered: Sequence[tuple[int, Problem]]) -> Grower:
  """What grows trees for some numbered problems."""
  run, scorer = labeller.run, None
  if run.config.prm is not None:
    scorer = _scorer(run.config.prm, run.config.sampling.max_response_tokens)
  return Grower(
    run,
    labeller.pool,
    labeller.params,
    labeller.counts,
    plots_of(run, numbered),
    scorer,
  )


@functools.cache
def _scorer(directory: str, response_width: int) -> StepScorer:
  return load(directory, response_width=response_width)


def _likelihood(logs: Sequence[float]) -> float:
  return float(np.exp(np.mean(logs))) if len(logs) else 1.0
