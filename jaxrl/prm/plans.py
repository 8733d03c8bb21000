"""Plans of reasoning, queries and documents: lines of a response. Host code.

CR-Planner, https://arxiv.org/abs/2410.01428. A plan is written as a response whose
lines begin with what they are:

  Query: derivative of a product
  Document: (f g)' = f' g + f g'
  Reason: So the slope at 0 is 3. The answer is 3.

so that a policy goes on behind such a beginning, which is the sub-goal's name too, and
critics read the lines as they read steps: f_goal up to a beginning, the others up to
the end of a line. Documents are found by the words of the latest query; one that the
plan has is not found again.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from jaxrl.models.tokenizer import Tokenizer
from jaxrl.prm import documents as documents_lib
from jaxrl.prm.documents import Corpus
from jaxrl.prm.grow import Ask, Grower, Node
from jaxrl.prm.score_steps import StepScorer
from jaxrl.prm.written import right
from jaxrl.search import cr_planner as rule
from jaxrl.search.cr_planner import Plan
from jaxrl.search.on_model import step_ids

REASON, QUERY, RETRIEVE = "Reason:", "Query:", "Document:"
GOAL = "goal"
# Of each sub-goal the name of the critic that judges its executions.
CRITICS = {REASON: "reason", QUERY: "query", RETRIEVE: "retrieve"}
PLANS = 64  # streams of randomness, behind those of `label` and `grow`


@dataclasses.dataclass(frozen=True)
class Planner:
  """A policy, its documents, and what a plan may be."""

  grower: Grower  # whose samples end with a line
  corpus: Corpus
  samples: int  # executions of a sub-goal
  answer: str  # a rationale that holds this text is the last line

  def goals(self, plan: Plan) -> list[str]:
    """Sub-goals that are legal: none behind an answer, or without room for a line."""
    settings = self.grower.run.config.searching
    if len(plan) >= settings.rounds or self.is_final(plan):
      return []
    written = "".join(plan)
    legal = [
      goal
      for goal in (REASON, QUERY)
      if self._length(f"{written}{goal}\n") + settings.step_tokens <= self.grower.room
    ]
    return legal + [RETRIEVE] * bool(self.documents(plan))

  def is_final(self, plan: Plan) -> bool:
    """Whether the latest line is a rationale with an answer."""
    return bool(plan) and plan[-1].startswith(REASON) and self.answer in plan[-1]

  def documents(self, plan: Plan) -> list[str]:
    """Lines with documents for the latest query, best first; none without a query."""
    queries = [line for line in plan if line.startswith(QUERY)]
    if not queries:
      return []
    told = sum(line.startswith(RETRIEVE) for line in plan)
    found = self.corpus.search(queries[-1].removeprefix(QUERY), self.samples + told)
    lines = [f"{RETRIEVE} {' '.join(text.split())}\n" for text in found]
    written = "".join(plan)
    fits = lambda line: self._length(written + line) <= self.grower.room
    return [line for line in lines if line not in plan and fits(line)][: self.samples]

  def execute(
    self,
    asked: Sequence[rule.Ask],
    numbers: Sequence[int],
    *,
    count: int,
    stream: int = PLANS,
  ) -> list[list[str]]:
    """At most `count` lines for each sub-goal; what is drawn depends on its number."""
    encode = self.grower.run.tokenizer.encode
    spoken = [i for i, (_, _, goal) in enumerate(asked) if goal != RETRIEVE]
    prefixes = [
      Ask(plot, numbers[i], Node(tokens=tuple(encode("".join(plan) + goal))))
      for i, (plot, plan, goal) in ((i, asked[i]) for i in spoken)
    ]
    longest = self.grower.run.config.searching.step_tokens
    drawn = self.grower.sample(prefixes, count, longest, stream)
    found: list[list[str]] = [[] for _ in asked]
    for i, of_one in zip(spoken, drawn, strict=True):
      found[i] = [self._line(asked[i][2], ids) for ids, _, _ in of_one]
    for i, (_, plan, goal) in enumerate(asked):
      if goal == RETRIEVE:
        found[i] = self.documents(plan)[:count]
    return found

  def scores(
    self, scorer: StepScorer, plots: Sequence[int], plans: Sequence[Plan]
  ) -> list[float]:
    """What a critic says of plans up to their last lines: in the order of its head."""
    asked = [
      Ask(plot, 0, Node(texts=plan)) for plot, plan in zip(plots, plans, strict=True)
    ]
    return dataclasses.replace(self.grower, scorer=scorer).values(asked)

  def outcomes(self, plots: Sequence[int], plans: Sequence[Plan]) -> list[float]:
    """1. right, 0. wrong, NaN not verified: what the task's verifier says of plans."""
    problems = [self.grower.plots[plot].problem for plot in plots]
    texts = ["".join(plan) for plan in plans]
    said = self.grower.pool.verify(list(zip(problems, texts, strict=True)))
    self.grower.counts.update(f"responses_{outcome.status}" for outcome in said)
    return [right(self.grower.run, outcome) for outcome in said]

  def _line(self, goal: str, ids: Sequence[int]) -> str:
    words = self.grower.run.tokenizer.decode(list(ids)).split("\n")[0]
    return f"{goal} {words.strip()}\n"

  def _length(self, text: str) -> int:
    return len(self.grower.run.tokenizer.encode(text))


def critic_of(line: str) -> str:
  """The name of the critic that judges a line."""
  return next(name for goal, name in CRITICS.items() if line.startswith(goal))


def planner(grower: Grower, *, documents: str, samples: int, answer: str) -> Planner:
  """One that writes lines with the grower's model.

  Raises:
    UserError: there is no such file of documents, or none in it.
  """
  run = grower.run
  stops = (*run.rules.stop_ids, *_line_ends(run.tokenizer, run.rules.stop_ids))
  rules = dataclasses.replace(run.rules, stop_ids=stops)
  grower = dataclasses.replace(grower, run=dataclasses.replace(run, rules=rules))
  return Planner(grower, _corpus(documents), samples, answer)


def plan(planner: Planner, critics: Mapping[str, StepScorer]) -> list[Plan]:
  """The plan of each plot; `critics` by the names of `CRITICS`, and `GOAL`."""

  def goal_critic(asked: Sequence[rule.Ask]) -> list[float]:
    plans = [(*plan, goal) for _, plan, goal in asked]
    return planner.scores(critics[GOAL], [plot for plot, _, _ in asked], plans)

  def of_kinds(tried: Sequence[rule.Tried]) -> list[float]:
    scores = np.zeros(len(tried))
    for goal, name in CRITICS.items():
      at = [i for i, one in enumerate(tried) if one[2] == goal]
      plans = [(*tried[i][1], tried[i][3]) for i in at]
      scores[at] = planner.scores(critics[name], [tried[i][0] for i in at], plans)
    return scores.tolist()

  return rule.cr_planner(
    len(planner.grower.plots),
    goals=lambda plot, plan: planner.goals(plan),
    execute=lambda asked: planner.execute(
      asked, [len(plan) for _, plan, _ in asked], count=planner.samples
    ),
    goal_critic=goal_critic,
    critics=of_kinds,
    depth=planner.grower.run.config.searching.rounds,
  )


@functools.cache
def _line_ends(tokenizer: Tokenizer, stop_ids: tuple[int, ...]) -> tuple[int, ...]:
  """Tokens that end a line and say nothing else, which would be lost."""
  ends = step_ids(tokenizer, "\n", stop_ids)
  return tuple(i for i in ends if not tokenizer.decode([i]).strip())


@functools.cache
def _corpus(path: str) -> Corpus:
  return documents_lib.read(path)
