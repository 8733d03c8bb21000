"""Logic problems, worked out a line a step, with each step proved by Z3.

A problem has numbered premises, and asks whether something follows from them:

  1: ~c | ~b
  2: a
  3: a -> b
  4: ~(d & ~c)
  d?

A solution says in each line which lines a formula rests on, and then its verdict:

  2, 3 => 5: b
  5, 1 => 6: ~c
  6, 4 => 7: ~d
  #### disproved

`~` binds tighter than `&`, that tighter than `|`, that tighter than `->`; letters are
statements. The verdict is `proved`, `disproved` (the opposite follows) or `unknown`. It
is the kind of task, and the check of single inferences, that FoVer labels steps by:
Kamoi et al., https://arxiv.org/abs/2505.15960, with problems of predicates (FLDx2).
"""

import dataclasses
import functools
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxrl.errors import UserError
from jaxrl.prm.checkers.logic import NAN, entails, parse
from jaxrl.problems import Problem, Task, Verdict, chat, problem_id, split_by_question

MILLISECONDS = 1000  # for a proof; a step that takes longer has no verdict
LETTERS = "abcdefghijklmnopqrstuvwxyz"
INSTRUCTION = (
  "Derive what follows from the numbered lines, a line a step: the numbers of the "
  'lines it rests on, "=>", its own number, ":" and the formula. End with "#### '
  'proved", "#### disproved" or "#### unknown". For 1: a, 2: a -> ~b and b? that is:\n'
  "1, 2 => 3: ~b\n#### disproved"
)
_LINE = re.compile(r"(\d{1,3}(?: ?, ?\d{1,3})*) ?=> ?(\d{1,3}) ?: ?(.+)")
_VERDICT = re.compile(r"#### ?(proved|disproved|unknown)\b")


def logic_steps(
  *,
  count: int = 2000,
  least_moves: int = 2,
  most_moves: int = 4,
  spare_premises: int = 1,
  test_fraction: float = 0.1,
  seed: int = 0,
  instruction: str = INSTRUCTION,
  system: str = "",
) -> Task:
  """Problems drawn at random.

  Args:
    count: distinct questions, training and test together.
    least_moves: inferences of a solution, at least.
    most_moves: at most.
    spare_premises: premises that lead nowhere, at most.
    test_fraction: share of the questions that is held out, by a hash of each.
    seed: of the draws.
    instruction: after the question, where a chat template is used.
    system: the system turn, if any.

  Raises:
    UserError: the numbers leave no problem, or need more than the alphabet's letters.
  """
  _check_sizes(least_moves, most_moves, spare_premises)
  rng = random.Random(seed)
  found: dict[str, Problem] = {}
  for _ in range(50 * count):
    if len(found) == count:
      break
    one = draw(
      rng, rng.randint(least_moves, most_moves), rng.randint(0, spare_premises)
    )
    found.setdefault(one.question, _problem(one))
  if len(found) < count:
    raise UserError(
      f"logic_steps: there are not {count} different problems of {least_moves} to "
      f"{most_moves} moves; lower count, or allow more moves"
    )
  train, test = split_by_question(found.values(), test_fraction)
  return Task(
    "logic_steps",
    train,
    test,
    verify,
    functools.partial(messages, instruction=instruction, system=system),
    check_steps=functools.partial(check, milliseconds=MILLISECONDS),
  )


def _check_sizes(least_moves: int, most_moves: int, spare_premises: int) -> None:
  # Two facts to start from, a letter a move, two for each spare premise.
  letters = 2 + most_moves + 2 * max(spare_premises, 1)
  if not 1 <= least_moves <= most_moves or spare_premises < 0:
    raise UserError(
      f"logic_steps: {least_moves} to {most_moves} moves and {spare_premises} spare "
      "premises are none; give 1 or more moves"
    )
  if letters > len(LETTERS):
    raise UserError(
      f"logic_steps: {most_moves} moves and {spare_premises} spare premises need "
      f"{letters} letters of {len(LETTERS)}; lower one of them"
    )


def messages(
  problem: Problem, *, instruction: str, system: str
) -> list[dict[str, str]]:
  """The question, then how to answer."""
  return chat(f"{problem.question}\n\n{instruction}".strip(), system)


# --- problems -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Puzzle:
  """Premises, what is asked, and how it is derived."""

  premises: tuple[str, ...]  # numbered from 1
  conclusion: str
  lines: tuple[str, ...]  # of the derivation, numbered on from the premises
  answer: str

  @property
  def question(self) -> str:
    """As it is asked."""
    numbered = (f"{i}: {text}\n" for i, text in enumerate(self.premises, 1))
    return f"{''.join(numbered)}{self.conclusion}?\n"

  @property
  def solution(self) -> str:
    """Every step, and the verdict."""
    return "".join(f"{line}\n" for line in self.lines) + f"#### {self.answer}"


def draw(rng: random.Random, moves: int, spare: int) -> Puzzle:
  """A chain of inferences from two facts, each move to a letter of its own."""
  letters = iter(rng.sample(LETTERS, 2 + moves + 2 * max(spare, 1)))
  literal = lambda: rng.choice(("", "~")) + next(letters)
  facts = [literal(), literal()]
  premises: list[str] = list(facts)
  used: list[tuple[str, ...]] = []  # the texts that each derived literal rests on
  derived: list[str] = []
  for _ in range(moves):
    # What was derived last is always used: nothing in a solution is idle.
    new, known = literal(), derived[-1] if derived else facts[0]
    rests, rule = _rule(rng, known, rng.choice([*facts, *derived]), new)
    premises.append(rule)
    used.append((*rests, rule))
    derived.append(new)
  free = [(literal(), literal()) for _ in range(max(spare, 1))]
  premises += [f"{a} -> {b}" for a, b in free[:spare]]
  answer = rng.choice(("proved", "disproved", "unknown"))
  # Nothing says `a` of an idle a -> b, so neither b nor its opposite follows.
  conclusion = {
    "proved": derived[-1],
    "disproved": opposite(derived[-1]),
    "unknown": free[0][1],
  }[answer]
  rng.shuffle(premises)
  number = {text: i for i, text in enumerate([*premises, *derived], 1)}
  lines = [
    f"{', '.join(str(number[text]) for text in rests)} => {number[new]}: {new}"
    for rests, new in zip(used, derived, strict=True)
  ]
  return Puzzle(tuple(premises), conclusion, tuple(lines), answer)


def _rule(
  rng: random.Random, known: str, other: str, new: str
) -> tuple[tuple[str, ...], str]:
  """What a move rests on beside its rule, and a rule that gives `new` from it."""
  rules: list[tuple[tuple[str, ...], str]] = [
    ((known,), f"{known} -> {new}"),
    ((known,), f"{opposite(known)} | {new}"),
    ((known,), f"{opposite(new)} -> {opposite(known)}"),
    ((known,), f"~({known} & {opposite(new)})"),
  ]
  if other != known:
    rules.append(((known, other), f"{known} & {other} -> {new}"))
  return rng.choice(rules)


def opposite(literal: str) -> str:
  """`a` of `~a`, and `~a` of `a`."""
  return literal[1:] if literal.startswith("~") else f"~{literal}"


def _problem(one: Puzzle) -> Problem:
  data = {
    "premises": one.premises,
    "conclusion": one.conclusion,
    "solution": one.solution,
  }
  identifier = problem_id("logic_steps", one.question)
  return Problem(identifier, "logic_steps", one.question, one.answer, data)


# --- verdicts -----------------------------------------------------------------------


def verify(problem: Problem, response: str) -> Verdict:
  """1 where the last verdict is the right one."""
  found = _VERDICT.findall(response)
  answer = found[-1] if found else None
  return Verdict(float(answer == problem.answer), answer is not None, answer)


def check(problem: Problem, steps: Sequence[str], *, milliseconds: int) -> list[float]:
  """Whether each step follows from the lines that it cites; NaN where none can say.

  A step that builds rightly on a wrong one is right: the wrong one is at fault. A step
  that cites a line which is not there, or takes a number that is taken, is wrong. One
  that is no step, or whose formula or cited lines cannot be read, has no verdict; nor
  has one whose proof takes too long. A verdict rests on all lines before it.
  """
  premises = enumerate(problem.data["premises"], 1)
  lines: dict[int, Any] = {number: parse(text) for number, text in premises}
  conclusion = parse(problem.data["conclusion"])
  verdicts = []
  for step in steps:
    answer, line = (form.fullmatch(step.strip()) for form in (_VERDICT, _LINE))
    if answer is not None:
      known = [one for one in lines.values() if one is not None]
      verdicts.append(_answered(answer[1], known, conclusion, milliseconds))
    elif line is None:
      verdicts.append(NAN)
    else:
      cited = [int(number) for number in line[1].split(",")]
      verdicts.append(_inferred(lines, cited, int(line[2]), line[3], milliseconds))
  return verdicts


def _inferred(
  lines: dict[int, Any], cited: list[int], number: int, text: str, milliseconds: int
) -> float:
  """The verdict on one inference; its line is known from then on."""
  formula = parse(text)
  rests = [lines.get(one) for one in cited]
  missing = any(one not in lines for one in cited) or number in lines
  lines.setdefault(number, formula)
  if missing:
    return 0.0
  if formula is None or None in rests:
    return NAN
  return entails(rests, formula, milliseconds=milliseconds)


def _answered(
  answer: str, known: list[Any], conclusion: Any, milliseconds: int
) -> float:
  """Whether the verdict is what the lines say."""
  follows = entails(known, conclusion, milliseconds=milliseconds)
  against = entails(known, ("~", conclusion), milliseconds=milliseconds)
  says: Mapping[str, float] = {
    "proved": follows,
    "disproved": against,
    # NaN where one of the two is not known.
    "unknown": (1 - follows) * (1 - against),
  }
  return says[answer]
