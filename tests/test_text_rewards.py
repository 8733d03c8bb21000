"""Rewards that read text: against their references, and in the verifiers' workers."""

import ctypes
import functools
import importlib
import inspect
import math
import os
import random
import subprocess
import sys
import time

import pytest

from jaxrl.errors import UserError
from jaxrl.problems import Problem
from jaxrl.rewards.format_tags import format_tags
from jaxrl.rewards.ngram_penalty import ngram_penalty
from jaxrl.sandbox import VerifierPool
from tests.tasks import hostile

# No import of jax here: workers import this file for the rewards at its end.
PROBLEM = Problem("id", "source", "question", "answer", {})
REWARDS = {"format_tags": format_tags, "ngram_penalty": ngram_penalty}


def reference(name):
  return importlib.import_module(f"tests.references.rewards.{name}")


def cases():
  return [(name, hparams) for name in REWARDS for hparams in reference(name).CASES]


HANDWRITTEN = [
  "",
  " ",
  "<think>a</think><answer>b</answer>",
  "\n<think>\na\n</think>\n\n<answer>\nb\n</answer>\n",
  "<think></think><answer></answer>",
  "<think>a<answer>b</answer></think>",
  "<think>a</think>so<answer>b</answer>",
  "x<think>a</think><answer>b</answer>",
  "<think>a</think><answer>b</answer>.",
  "<answer>b</answer><think>a</think>",
  "<think>a</think><answer>b",
  "<think>a</think><answer>b</answer><answer>c</answer>",
  "</think>a<think><answer>b</answer>",
  "<think>a<answer></think>b</answer>",
  "<think><think>a</think></think><answer>b</answer>",
  "<Think>a</Think><answer>b</answer>",
  "<think>only</think>",
  "<b></a><think></b><a></think>",  # each once, and the ends are those of pairs
  "<b> </b><a>\n</a> <think>c</think>",
  "a b",
  "a b c",
  "A b a B a b",
  "the cat sat the cat sat the cat sat",
]
PIECES = ["<think>", "</think>", "<answer>", "</answer>", "a", "B", "b", " ", "\n", "<"]


def texts():
  draw = random.Random(0)
  words = (" ".join(draw.choices("abAB", k=draw.randrange(12))) for _ in range(100))
  marks = ("".join(draw.choices(PIECES, k=draw.randrange(9))) for _ in range(300))
  shuffled = []
  for _ in range(300):  # near the whole form, so that it is often met
    pieces = ["<think>", "a", "</think>", " ", "<answer>", "b", "</answer>"]
    if draw.random() < 0.7:
      i, j = draw.randrange(7), draw.randrange(7)
      pieces[i], pieces[j] = pieces[j], pieces[i]
    shuffled.append("".join(pieces))
  return [*HANDWRITTEN, *words, *marks, *shuffled]


@pytest.mark.parametrize("name, hparams", cases())
def test_reward_matches_its_reference(name, hparams):
  module = reference(name)
  values = set()
  for text in texts():
    got = REWARDS[name](PROBLEM, text, **hparams)
    expected = getattr(module, name)(PROBLEM, text, **hparams)
    assert isinstance(got, float) and got == pytest.approx(expected), repr(text)
    values.add(got)
  assert len(values) > 1
  if hparams:
    default = [REWARDS[name](PROBLEM, text) for text in texts()]
    changed = [REWARDS[name](PROBLEM, text, **hparams) for text in texts()]
    assert default != changed


def test_every_hyper_parameter_has_a_case():
  for name, reward in REWARDS.items():
    positional = [
      key
      for key, parameter in inspect.signature(reward).parameters.items()
      if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    assert positional == ["problem", "response"]
    known = {key for other, hparams in cases() if other == name for key in hparams}
    assert known == set(inspect.signature(reward).parameters) - {"problem", "response"}


def test_golden_numbers():
  """By hand: 3 of 7 trigrams are distinct; three of four marks stand once."""
  text = "the cat sat the cat sat the cat sat"
  assert ngram_penalty(PROBLEM, text) == pytest.approx(-4 / 7)
  text = "<think>a</think><answer>b"
  assert format_tags(PROBLEM, text, weight=1.0, each=0.25) == 0.75
  assert format_tags(PROBLEM, text + "</answer>", weight=2.0, each=0.25) == 3.0


@pytest.mark.parametrize(
  "text", ["<think>" * 300_000, "<think>" + " " * 2_000_000, "a " * 500_000]
)
def test_long_texts_take_linear_time(text):
  start = time.monotonic()
  format_tags(PROBLEM, text, each=0.1)
  ngram_penalty(PROBLEM, text)
  assert time.monotonic() - start < 3


# --- in the workers -----------------------------------------------------------------


def moody(problem, response, *, scale=1.0):
  """A reward that does as the text tells it; 2 is the score of no verifier."""
  act = {
    "1 + 0": lambda: 1 / 0,
    "0 + 1": lambda: time.sleep(99),
    "0.5 + 0": lambda: os._exit(4),
    "0.5": lambda: ctypes.string_at(0),
    "0.25": lambda: math.nan,
    "0.75": lambda: None,
    "0.125": lambda: "1.0",
  }.get(response)
  return act() if act else scale * 2


FAILURES = {
  "1 + 0": ("error", "ZeroDivisionError"),
  "0 + 1": ("timeout", "no verdict"),
  "0.5 + 0": ("crash", "status 4"),
  "0.5": ("crash", "status -11"),
  "0.25": ("error", "nan"),
  "0.75": ("error", "None"),
  "0.125": ("error", "'1.0'"),
  "1 / 0": ("error", "ZeroDivisionError"),  # the verifier's own
  "os._exit(5)": ("crash", "status 5"),
}


OWN = ("1 / 0", "os._exit(5)")


@pytest.mark.parametrize("layers", [None, ("rlimits", "seccomp", "audit")])
def test_a_failing_reward_leaves_its_sample_unscored_and_is_named(layers):
  settings = {} if layers is None else {"layers": layers}
  rewards = [
    functools.partial(ngram_penalty, n=1, penalty=0.5),
    functools.partial(moody, scale=3),
    format_tags,
  ]
  with VerifierPool(
    hostile.evaluate, rewards, workers=1, timeout_seconds=1.5, **settings
  ) as pool:
    good = ["1", "0", "1 - 1 + 1"]
    outcomes = pool.verify([(PROBLEM, text) for text in [*good, *FAILURES, *good]])
  for outcome, text in zip([*outcomes[:3], *outcomes[-3:]], good * 2, strict=True):
    assert outcome.status == "ok"
    expected = ngram_penalty(PROBLEM, text, n=1, penalty=0.5)
    assert outcome.rewards == (expected, 6.0, 0.0)
  for outcome, (text, (status, detail)) in zip(
    outcomes[3:-3], FAILURES.items(), strict=True
  ):
    assert (outcome.score, outcome.status, outcome.rewards) == (None, status, ())
    assert detail in outcome.detail
    assert ("reward moody" in outcome.detail) == (text not in OWN), outcome


def test_without_rewards_there_are_none():
  with VerifierPool(hostile.evaluate, workers=1) as pool:
    assert pool.verify([(PROBLEM, "1")])[0].rewards == ()


def test_a_reward_that_no_worker_can_find():
  with pytest.raises(UserError, match="top level"):
    VerifierPool(hostile.evaluate, [lambda problem, response: 1.0])


def test_a_text_leaves_nothing_to_the_next_item():
  """What it does to the interpreter ends with its process."""
  with VerifierPool(hostile.evaluate, workers=1) as pool:
    if "fork" not in pool.isolation:
      pytest.skip("no forks here")
    spoil = "sys.modules['builtins'].__dict__.update(float=lambda x: 0.25) or 1"
    # a score of its own now; then the interpreter is whole again
    outcomes = pool.verify([(PROBLEM, text) for text in (spoil, "1", "1 - 0.5")])
  assert [outcome.score for outcome in outcomes] == [0.25, 1.0, 0.5]


def test_the_rewards_need_no_jax():
  names = ", ".join(f"jaxrl.rewards.{name}" for name in REWARDS)
  code = f"import sys, {names}, jaxrl.tasks.code_jsonl; sys.exit('jax' in sys.modules)"
  assert subprocess.run([sys.executable, "-c", code]).returncode == 0
