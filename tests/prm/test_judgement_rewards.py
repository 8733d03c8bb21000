"""Rewards that read judgements: their references, and the papers' numbers."""

import random

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.problems import Problem
from jaxrl.rewards.tattoo import tattoo
from jaxrl.rewards.tool_support import tool_support
from jaxrl.rewards.vrprm import agreement, vrprm
from tests.references.rewards import tool_support as tool_reference
from tests.references.rewards import vrprm as vrprm_reference

PIECES = ("<think>", "</think>", "<answer>", "</answer>", "1", "0", " ", "x" * 50, "\n")
TOOL_PIECES = (
  "<output>",
  "</output>",
  "12",
  "-3.5",
  "True",
  " ",
  "\n",
  "x",
  "Error",
  "7",
)


FORMS = (
  "<think>{}</think><answer>{}</answer>",
  " <think>{}</think>\n<answer>{}</answer>\n",
  "<think>{}<answer>{}</answer>",
  "<answer>{1}</answer><think>{0}</think>",
  "<think>{}</think>so<answer>{}</answer>",
)


def problem(labels):
  return Problem("id", "source", "question", "answer", {"labels": labels})


def texts(pieces, count, seed):
  draw = random.Random(seed)
  return ["".join(draw.choices(pieces, k=draw.randrange(14))) for _ in range(count)]


def answers(draw):
  thought = "x" * draw.choice([0, 40, 80, 600, 1200, 1800, 3000])
  said = draw.choice([" ", ", ", ""]).join(draw.choices("01", k=draw.randrange(6)))
  form = draw.choice(FORMS)
  return form.format(thought, said)


@pytest.mark.parametrize("hparams", vrprm_reference.CASES)
def test_vrprm_matches_its_reference(hparams):
  draw = random.Random(0)
  said = [answers(draw) for _ in range(300)] + texts(PIECES, 300, seed=1)
  values = set()
  for text in said:
    labels = draw.choices([1.0, 0.0, None], k=draw.randint(1, 5))
    got = vrprm(problem(labels), text, **hparams)
    expected = vrprm_reference.vrprm(problem(labels), text, **hparams)
    assert got == pytest.approx(expected), (labels, text)
    values.add(round(got, 6))
  assert len(values) > 20


def test_vrprm_by_the_papers_numbers():
  """F1 .6667 and .8: F .7333, step .7733; all ones get .4286, below accuracy's .75."""
  f, c = agreement([1, 1, 0, 1], [1, 0, 0, 1])
  assert f == pytest.approx(0.7333, abs=1e-4) and c == 1.0
  text = f"<think>{'x' * 100}</think><answer>1 0 0 1</answer>"
  reward = vrprm(problem([1.0, 1.0, 0.0, 1.0]), text)
  assert reward == pytest.approx(0.97 * 0.77333 + 0.03, abs=1e-5)
  assert agreement([1, 1, 0, 1], [1, 1, 1, 1])[0] == pytest.approx(0.4286, abs=1e-4)
  assert agreement([1, 1], [1])[0] < 1 and agreement([1, 1], [1])[1] == 0.5
  # An extra verdict brings its class in with an F1 of 0.
  assert agreement([1, 1], [1, 1, 0])[0] == 0.5
  assert vrprm(problem([None, None]), "<answer>1 1</answer>") == pytest.approx(0.008)


@pytest.mark.parametrize("hparams", tool_reference.CASES)
def test_tool_support_matches_its_reference(hparams):
  values = []
  said = texts(TOOL_PIECES, 2000, seed=2)
  parts = [texts(TOOL_PIECES[2:], 2000, seed=seed) for seed in (3, 4, 5)]
  said += [f"{a}<output>{b}</output>{c}" for a, b, c in zip(*parts, strict=True)]
  for text in said:
    got = tool_support(problem([]), text, **hparams)
    assert got == tool_reference.tool_support(problem([]), text, **hparams), repr(text)
    values.append(got)
  assert 0.01 < np.mean(np.array(values) > 0) < 0.9


@pytest.mark.parametrize(
  "text, supported",
  [
    ("<verify>3*4</verify><output>12</output> so it is 12.", True),
    ("is it 12? <output>12</output> so 12", True),  # its whole last line
    ("is it 12? <output>= 12</output> so 12", False),  # said before it was computed
    ("<output>12</output> so 13", False),
    ("<output>True</output> as True shows", True),
    ("<output>NameError: x1</output> NameError: x1", False),
    ("<output>timeout</output> a timeout", False),
    ("<output></output> fine", False),
    ("12", False),
  ],
)
def test_tool_support(text, supported):
  assert tool_support(problem([]), text) == float(supported)


def test_tattoo_by_the_papers_numbers():
  """Right, R = .8, with support: 1.776856; wrong, R = .3: -1.203973."""
  logp = jnp.log(jnp.array([[0.5, 0.8, 0.9], [0.5, 0.7, 0.9], [0.1, 0.2, 0.8]]))
  ones = jnp.ones(3)
  mask = jnp.ones((3, 3))
  got = tattoo(logp, mask, jnp.array([0, 0, 1.0]), jnp.array([1.0, 0, 1]), ones, ones)
  np.testing.assert_allclose(got, [0.776856, -1.203973, 0.776856], atol=1e-6)
  support = tool_support(problem([]), "<output>12</output> so 12")
  assert float(got[0]) + support == pytest.approx(1.776856, abs=1e-6)
  unread = tattoo(logp, mask, 0 * ones, 0 * ones, ones, 0 * ones)
  np.testing.assert_allclose(unread, np.log(1e-3), rtol=1e-6)


def test_tattoo_rises_with_the_probability_of_the_label():
  ps = np.linspace(0.01, 0.99, 9)
  logp = jnp.log(jnp.array([[p, 0.5] for p in ps]))
  args = jnp.ones(logp.shape), jnp.zeros(9)
  right = tattoo(logp, *args, jnp.ones(9), jnp.ones(9), jnp.ones(9))
  wrong = tattoo(logp, *args, jnp.zeros(9), jnp.ones(9), jnp.ones(9))
  assert (np.diff(right) > 0).all() and (np.diff(wrong) < 0).all()
  assert float(right.max()) < 1 and float(wrong.max()) < 0
