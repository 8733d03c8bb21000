"""The problems and rewards of the whole GRPO step, the same for all three libraries.

`even_words` and `ending` are plain Python on text: Tunix and TRL call them in their
reward functions, jaxrl in its verifier. jaxrl is imported inside the functions that
need it, as the other two environments have none.
"""

import functools
import json
import pathlib
import re
import time
from typing import Any

_NUMBERED = re.compile(r"w(\d+)")
SYSTEM = "Answer with the number only."
STAMPS: list[float] = []  # when each batch of problems was drawn, for the step times


def even_words(response: str, answer: str = "") -> float:
  """Share of words with an even number: any model can learn to say more of them."""
  numbers = [int(n) for n in _NUMBERED.findall(response)]
  return sum(n % 2 == 0 for n in numbers) / max(len(numbers), 1)


def ending(response: str, answer: str) -> float:
  """1.0 where the last number of the response is the answer."""
  numbers = re.findall(r"\d+", response)
  return float(numbers[-1:] == [answer])


REWARDS = {"even_words": even_words, "ending": ending}


def problems(*, path: str, reward: str, system: str = "") -> Any:
  """A jaxrl task of the questions in a JSON file [{question, answer}]."""
  from jaxrl import problems as lib

  read = json.loads(pathlib.Path(path).read_text())
  made = [
    lib.Problem(str(i), "benchmark", one["question"], one["answer"], {})
    for i, one in enumerate(read)
  ]
  messages = lambda problem: lib.chat(problem.question, system)
  check = functools.partial(verify, reward=reward)
  return lib.Task("benchmark", made, made[:1], check, messages)


def verify(problem: Any, response: str, *, reward: str) -> Any:
  """The reward as the score."""
  from jaxrl.problems import Verdict

  return Verdict(REWARDS[reward](response, problem.answer), formatted=True)


def in_order(task: Any, seed: int) -> "InOrder":
  """The curriculum that asks the questions in their order, as the others do."""
  return InOrder(task)


class InOrder:
  """Notes in STAMPS when each batch is drawn."""

  def __init__(self, task: Any):
    self._train = task.train

  def init(self) -> dict[str, Any]:
    """State before the first problem."""
    return {"position": 0}

  def draw(self, state: dict[str, Any], count: int) -> tuple[list, dict[str, Any]]:
    """The next `count` problems."""
    STAMPS.append(time.perf_counter())
    start = state["position"]
    return list(self._train[start : start + count]), {"position": start + count}

  def observe(self, state: dict[str, Any], problems: Any, rewards: Any) -> dict:
    """Rewards change nothing here."""
    return state
