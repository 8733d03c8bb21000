r"""What a generative model of steps is asked, and what its text says. Pure text.

A form is a prompt, the reading of what is written in answer to it, and the place where
the answer's verdict is one word, so that its probability can be read there:

  steps, grader   a verdict on every step, \boxed{correct} (ThinkPRM); two wordings
  first_error     the number of the first wrong step, or none; a third wording
  critic          "Step i is correct" until the first wrong one (Critic-CoT)
  answers         <think> .. </think><answer> one 0 or 1 a step </answer> (VRPRM)
  last_step       one step, "Is the step correct (Yes/No)? Yes" (R-PRM)
  code            one step, by Python that is run, \boxed{Yes} (GenPRM)
  table           one step, by Python that is run, ends in its verdict (TaTToo)

The wording is this library's own; the papers' marks are kept, as data sets have them.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from jaxrl.errors import UserError, near_match

RIGHT, WRONG, UNREAD = 1.0, 0.0, float("nan")
STEP_QUESTION = "Is the step correct (Yes/No)?"
SOLUTION_QUESTION = "Is the solution correct?"
YES_NO = (" Yes", " No")
_BOXED = r"\\boxed\s*\{\s*(?:\\text\s*\{\s*)?(%s)\s*\}"
_STEP_VERDICT = re.compile(_BOXED % "correct|incorrect", re.IGNORECASE)
_YES_OR_NO = re.compile(_BOXED % "yes|no", re.IGNORECASE)
_FIRST_WRONG = re.compile(_BOXED % r"\d+|none", re.IGNORECASE)
_CRITIC = re.compile(r"\bstep\s+(\d+)\s+is\s+(correct|incorrect)\b", re.IGNORECASE)
_CLOSING = re.compile(re.escape(STEP_QUESTION) + r"\s*(yes|no)\b", re.IGNORECASE)
_ANSWERS = re.compile(r"<answer>([01\s,]*)</answer>")


@dataclasses.dataclass(frozen=True)
class Ask:
  """A question with a solution in steps, to be judged."""

  question: str
  steps: tuple[str, ...]
  upto: int | None = None  # judge only this step, from 0, given those before; None: all
  reference: str = ""  # a reference answer, which the judge may work back from
  documents: tuple[str, ...] = ()  # texts or tables that it may rely on
  # Those of each step, such as the part of a table that it retrieved; they are shown
  # where that step is asked about.
  step_documents: tuple[tuple[str, ...], ...] = ()

  def __post_init__(self):
    last = len(self.steps) - 1
    if not self.steps or not 0 <= (last if self.upto is None else self.upto) <= last:
      raise ValueError(f"step {self.upto} of {len(self.steps)} steps")

  @property
  def shown(self) -> int:
    """Steps that the judge sees: none behind the one that it is asked about."""
    return len(self.steps) if self.upto is None else self.upto + 1


def ask_of(
  question: str, steps: Sequence[str], about: Mapping[str, Any], reference: str = ""
) -> Ask:
  """An ask about a whole solution, with the documents that its line of a file has."""
  return Ask(
    question,
    tuple(steps),
    reference=reference,
    documents=tuple(about.get("documents", ())),
    step_documents=tuple(map(tuple, about.get("step_documents", ()))),
  )


@dataclasses.dataclass(frozen=True)
class Settings:
  """How a file of solutions is judged: the flags of `jaxrl judge`."""

  form: str | None = None  # of FORMS; None: that of the config's task, else "steps"
  votes: int = 1  # texts to each prompt
  score: Literal["probability", "votes"] = "probability"  # where the form has one
  # Of prm/scores: one number of a solution; None: last for form "steps", else minimum.
  solution_score: str | None = None
  reference: bool = False  # the judge sees the reference answer
  answer_tokens: int | None = None  # of a text, or a part of it; None: as the run's
  rechecks: int = 0  # further looks of each text, of which the last one counts
  decision_temperature: float = 1.0  # divides the log-probs of yes and no
  refine: int = 0  # rewrites of a rejected solution from its first wrong step, at most
  batch_solutions: int = 8  # judged, and written, together
  seed: int = 0


@dataclasses.dataclass(frozen=True)
class Form:
  """How to ask, and how to read."""

  opening: str  # before the question
  closing: str  # behind the solution
  # (text, steps shown) -> a verdict of each of them, NaN where it has none
  read: Callable[[str, int], list[float]]
  each: bool  # it judges every step; else the last one shown
  # (text, steps shown) -> (step, text before its verdict) of the verdicts that are read
  # as probabilities; None: only votes are counted
  places: Callable[[str, int], list[tuple[int, str]]] | None
  choices: tuple[str, str] = YES_NO  # of the verdict at such a place
  together: bool = False  # the verdict at its place is of all steps shown together
  runs_code: bool = False  # what stands between its <verify> marks is run


def _boxed_steps(text: str, shown: int) -> list[float]:
  """All verdicts, or those up to the first wrong one; nothing if they are too few."""
  words = [word.lower() for word in _STEP_VERDICT.findall(text)]
  found = [RIGHT if word == "correct" else WRONG for word in words]
  stopped = WRONG in found and found.index(WRONG) == len(found) - 1
  if len(found) > shown or (len(found) < shown and not stopped):
    return [UNREAD] * shown
  return found + [UNREAD] * (shown - len(found))


def _number(text: str, shown: int) -> list[float]:
  found = _FIRST_WRONG.findall(text)
  if not found:
    return [UNREAD] * shown
  if found[-1].lower() == "none":
    return [RIGHT] * shown
  place = int(found[-1]) - 1
  return _until(place, shown) if 0 <= place < shown else [UNREAD] * shown


def _until(first_wrong: int, shown: int) -> list[float]:
  behind = shown - first_wrong - 1
  return [RIGHT] * first_wrong + [WRONG] + [UNREAD] * behind


def _critic(text: str, shown: int) -> list[float]:
  """A step that is passed over has no verdict; nothing is read behind a wrong one."""
  said = {int(step): word.lower() for step, word in _CRITIC.findall(text)}
  values = {"correct": RIGHT, "incorrect": WRONG}
  found = [values.get(said.get(i + 1, ""), UNREAD) for i in range(shown)]
  if WRONG in found:
    behind = found.index(WRONG) + 1
    found[behind:] = [UNREAD] * (shown - behind)
  return found


def _answers(text: str, shown: int) -> list[float]:
  blocks = _ANSWERS.findall(text)
  found = [float(digit) for digit in re.findall("[01]", blocks[-1])] if blocks else []
  return found if len(found) == shown else [UNREAD] * shown


def _answer_places(text: str, shown: int) -> list[tuple[int, str]]:
  blocks = list(_ANSWERS.finditer(text))
  if not blocks or np.isnan(_answers(text, shown)).any():
    return []
  digits = re.finditer("[01]", blocks[-1][1])
  start = blocks[-1].start(1)
  return [(i, text[: start + digit.start()]) for i, digit in enumerate(digits)]


def _only_last(verdict: float, shown: int) -> list[float]:
  return [UNREAD] * (shown - 1) + [verdict]


def _closing(text: str, shown: int) -> list[float]:
  """R-PRM leaves out what does not hold exactly one verdict."""
  found = _CLOSING.findall(text)
  word = found[0].lower() if len(found) == 1 else ""
  return _only_last({"yes": RIGHT, "no": WRONG}.get(word, UNREAD), shown)


def _closing_place(text: str, shown: int) -> list[tuple[int, str]]:
  """A text without the question has it added, and is scored all the same."""
  found = _CLOSING.search(text)
  if found is not None:
    return [(shown - 1, text[: found.start()] + STEP_QUESTION)]
  before, asked, _ = text.rpartition(STEP_QUESTION)
  return [(shown - 1, (before if asked else text.rstrip() + "\n") + STEP_QUESTION)]


def _boxed_last(text: str, shown: int) -> list[float]:
  found = _YES_OR_NO.findall(text)
  word = found[-1].lower() if found else ""
  return _only_last({"yes": RIGHT, "no": WRONG}.get(word, UNREAD), shown)


def _boxed_place(text: str, shown: int) -> list[tuple[int, str]]:
  found = list(_YES_OR_NO.finditer(text))
  if found:
    return [(shown - 1, text[: found[-1].start(1)])]
  return [(shown - 1, text.rstrip() + "\nJudgement: \\boxed{")]


def _solution_place(text: str, shown: int) -> list[tuple[int, str]]:
  """Behind the last verdict, of the steps together; nothing where there is none."""
  found = list(_STEP_VERDICT.finditer(text))
  if not found:
    return []
  return [(shown - 1, f"{text[: found[-1].end()]}\n{SOLUTION_QUESTION}")]


_STEPS_OPENING = (
  "Below is a problem and a solution to it, one numbered step after another."
)
_PROGRAM = (
  "Think it through between <analyze> and </analyze>. Then check it with a short "
  "Python program between <verify> and </verify>, in one ```python block, which prints "
  "what it finds. You will be shown its output between <output> and </output>. "
)

FORMS: Mapping[str, Form] = {
  "steps": Form(
    _STEPS_OPENING,
    "Check the steps in their order. Examine each one in a paragraph of its own, and "
    "end that paragraph with \\boxed{correct} or \\boxed{incorrect}. Stop behind the "
    f"first incorrect step. Then write: {SOLUTION_QUESTION} Yes or No",
    _boxed_steps,
    True,
    _solution_place,
    together=True,
  ),
  "grader": Form(
    "You grade homework, and give no credit for a step that does not follow.",
    "For every step above: restate what it claims, recompute it by yourself, compare, "
    "and write \\boxed{correct} or \\boxed{incorrect}. Judge all steps, also those "
    "behind a mistake.",
    _boxed_steps,
    True,
    None,
  ),
  "first_error": Form(
    "Somebody claims that this solution is sound. Try to find where it goes wrong.",
    "Write what you find. Last, put the number of the earliest wrong step in "
    "\\boxed{}, or \\boxed{none} if every step holds.",
    _number,
    True,
    None,
  ),
  "critic": Form(
    _STEPS_OPENING,
    "Criticise the steps in their order. Say why each is right or wrong, and end with "
    '"Step 1 is correct" or "Step 1 is incorrect", with its number. Stop behind the '
    "first incorrect step.",
    _critic,
    True,
    None,
  ),
  "answers": Form(
    _STEPS_OPENING,
    "Reason about each step between <think> and </think>. Then write between <answer> "
    "and </answer> one number for each step, 1 if it is correct and 0 if it is not, "
    "separated by spaces.",
    _answers,
    True,
    _answer_places,
    ("1", "0"),
  ),
  "last_step": Form(
    "Below is a problem and the first steps of a solution to it.",
    "Analyse the last step: what the earlier ones give it, what it does, and whether "
    f"it follows. Then write: {STEP_QUESTION} Yes or No",
    _closing,
    False,
    _closing_place,
  ),
  "code": Form(
    "Below is a problem and the first steps of a solution to it.",
    "Judge the last step. " + _PROGRAM + "Then end with \\boxed{Yes} if the step is "
    "correct, or \\boxed{No}.",
    _boxed_last,
    False,
    _boxed_place,
    ("Yes", "No"),
    runs_code=True,
  ),
  "table": Form(
    "Below is a question on tables and the first steps of a solution to it.",
    "Judge the last step: did it take the right part of the tables, do what it claims "
    "with them, and reason soundly? " + _PROGRAM + "Rely on it for every number. Then "
    f"write: {STEP_QUESTION} Yes or No",
    _closing,
    False,
    _closing_place,
    runs_code=True,
  ),
}


def form_of(name: str) -> Form:
  """The form; UserError with the nearest name if there is none."""
  if name not in FORMS:
    raise UserError(
      f"judge: no form {name!r}{near_match(name, FORMS)}; there are {', '.join(FORMS)}"
    )
  return FORMS[name]


def prompt(ask: Ask, *, form: str) -> str:
  """The text that a judge answers."""
  how, own = form_of(form), ask.step_documents
  more = own[ask.upto] if ask.upto is not None and ask.upto < len(own) else ()
  found = enumerate((*ask.documents, *more))
  documents = [f"Document {i + 1}:\n{text}" for i, text in found]
  reference = f"Reference answer:\n{ask.reference}" if ask.reference else ""
  work_back = (
    "The reference answer is known to be right: work back from it where that helps."
    if ask.reference
    else ""
  )
  shown = ask.steps[: ask.shown]
  steps = "\n".join(f"Step {i + 1}: {step.strip()}" for i, step in enumerate(shown))
  parts = (
    how.opening,
    f"Problem:\n{ask.question.strip()}",
    *documents,
    reference,
    f"Solution:\n{steps}",
    work_back,
    how.closing,
  )
  return "\n\n".join(part for part in parts if part)


def verdicts(text: str, ask: Ask, *, form: str) -> np.ndarray:
  """What a judge's text says of the steps [S]: 1. right, 0. wrong, NaN nothing.

  Behind the first wrong step there may be nothing; a text that cannot be read is all
  NaN. Where one step is asked about, or the form judges one, the others are NaN.
  """
  how, found = form_of(form), np.full(len(ask.steps), UNREAD)
  said = how.read(text, ask.shown)
  if how.each and ask.upto is None:
    found[:] = said
  else:
    found[ask.shown - 1] = said[-1]
  return found


def places(text: str, ask: Ask, *, form: str) -> list[tuple[int, str]]:
  """(step, text before its verdict), where one of `choices(form)` is to follow.

  Form "steps" asks about all steps shown together: its place is that of the last one.

  Raises:
    UserError: the form has verdicts to count, and none to take the probability of.
  """
  how = form_of(form)
  if how.places is None:
    able = ", ".join(name for name, one in FORMS.items() if one.places is not None)
    raise UserError(f"judge: form {form!r} has no yes-probability; take one of {able}")
  found = how.places(text, ask.shown)
  return found if ask.upto is None else [one for one in found if one[0] == ask.upto]


def accepts(found: np.ndarray) -> bool:
  """Whether every step was found right: a missing verdict is no acceptance."""
  return bool(np.all(found == RIGHT))


def rejects(found: np.ndarray) -> bool:
  """Whether a step was found wrong."""
  return bool(np.any(found == WRONG))
