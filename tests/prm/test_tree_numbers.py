"""Trees on nodes that are known by their letters: the papers' rules by hand."""

import importlib
import types

import numpy as np
import pytest

from jaxrl.prm.grow import Grower, Node, Plot
from jaxrl.prm.label import Labeller
from jaxrl.problems import Problem

NAN = float("nan")


def node(text, **fields):
  """A prefix of one token and one step a letter."""
  size = len(text)
  return Node(
    tokens=tuple(map(ord, text)),
    logps=(-1.0,) * size,
    ends=tuple(range(1, size + 1)),
    texts=tuple(text),
    **fields,
  )


def end(text, outcome):
  return node(text, terminal=True, outcome=outcome)


class Script(Grower):
  """No model: what it says is asked of functions of (plot, text)."""

  def __init__(self, plots, **said):
    fields = {
      "run": types.SimpleNamespace(
        config=types.SimpleNamespace(
          labelling=types.SimpleNamespace(batch_problems=plots)
        )
      ),
      "plots": [
        Plot(i, Problem(str(i), "test", "?", "r", {}), []) for i in range(plots)
      ],
      "said": types.SimpleNamespace(**said),
      "asked": [],
    }
    for name, value in fields.items():
      object.__setattr__(self, name, value)

  def _each(self, name, asked):
    self.asked.append([ask.node.text for ask in asked])
    return [getattr(self.said, name)(ask.plot, ask.node.text) for ask in asked]

  def next_steps(self, asked, count, *, step_tokens, depth):
    del count, step_tokens, depth
    return self._each("steps", asked)

  def completions(self, asked, count):
    del count
    return self._each("rollouts", asked)

  def shares(self, asked, counts):
    del counts
    known = lambda ask: self.said.share(ask.plot, ask.node.text)
    return [x.node.outcome if x.node.terminal else known(x) for x in asked]


@pytest.fixture
def grown(monkeypatch):
  """Grows a tree of a script: (name, script, settings) -> what is written."""

  def run(name, script, **settings):
    module = importlib.import_module(f"jaxrl.prm.trees.{name}")
    monkeypatch.setattr(module, "start", lambda *_: script)
    return getattr(module, name)(object.__new__(Labeller), [], **settings)

  return run


# --- MedS3: V + 2 sqrt(ln n / n_c), V <- (V + sum V_c n_c / sum n_c) / 2 --------------


def share(plot, text):
  """Of the question a half; nearly all behind A, hardly any behind B and C."""
  del plot
  return {"": 0.5, "A": 0.9}.get(text[:1], 0.05)


def steps(plot, text):
  """Three letters; two steps are followed by ends, of problem 1 by right ones alone."""
  if len(text) < 2:
    return [node(text + letter) for letter in "ABC"]
  right = lambda letter: float(plot == 1 or text + letter == "AAA")
  return [end(text + letter, right(letter)) for letter in "ABC"]


def test_meds3_visits_what_its_constant_asks_for(grown):
  """Six visits: the question, A, B, C, then AA, and once more below A.

  Before the last one A has V .9 and n 2, B .05 and 1, of 5: .9 + 2 sqrt(ln 5 / 2) =
  2.694 is above .05 + 2 sqrt(ln 5) = 2.587. From a constant of 2.3 on B would be.
  """
  script = Script(2, steps=steps, share=share)
  mixed, _ = grown("meds3", script, nodes=18, depth=4)
  visited = ["", "A", "B", "C", "AA", "AB"]
  assert script.asked == [[text, text] for text in visited]
  assert [one.evidence.outcome for one in mixed] == [1.0] + [0.0] * 5
  assert ["".join(one.texts)[:2] for one in mixed] == ["AA"] * 3 + ["AB"] * 3
  # V of the question: .5, then half of it and half of .9, .95 / 2, 1 / 3, 1.9 / 4, .56.
  root = 0.5
  for mean in (0.9, 0.475, 1 / 3, 0.475, 0.56):
    root = (root + mean) / 2
  for one in mixed:
    expected = [root, 0.9, 0.9, one.evidence.outcome]
    np.testing.assert_allclose(one.evidence.values, expected, rtol=1e-5)


def test_meds3_leaves_out_questions_with_right_ends_alone(grown):
  _, right = grown("meds3", Script(2, steps=steps, share=share), nodes=18, depth=4)
  assert [one.evidence.outcome for one in right] == [1.0] * 4, "four right ends"
  assert all(np.isnan(one.evidence.values).all() for one in right)


# --- OmegaPRM: searches by halves, of states neither all right nor all wrong ---------


def rollouts(plot, text):
  """Seven of eight are right; the eighth has its first error at the third step."""
  del plot
  pair = lambda one, other: [end(text + x, y) for x, y in (one, other)]
  known = {
    "": [end("abcdefg", 0.0), *[end("r", 1.0)] * 7],
    "a": pair(("s", 1.0), ("xy", 0.0)),
    "ab": pair(("t", 1.0), ("u", 1.0)),
  }
  return known.get(text, pair(("p", 0.0), ("qr", 0.0)))


def test_omegaprm_searches_by_halves_and_pools_mixed_states_alone(grown):
  """MC is 1 / 2 and 1 up to the error: 3 = log2(7 + 1) questions find it.

  The wrong rollout of `a` is searched behind `a`. Those of `abc` and `ax`, of which
  none is right, are not, though searches are left.
  """
  script = Script(1, rollouts=rollouts)
  (found,) = grown("omegaprm", script, completions=2)
  assert script.asked == [[""], ["abc"], ["a"], ["ab"], ["ax"]]
  assert ["".join(one.texts) for one in found] == ["r", "abcdefg", "as", "abt", "axy"]
  asked = {"".join(one.texts): one.evidence.right[:, :2] for one in found}
  np.testing.assert_equal(asked["r"], [[0, 1], [NAN, NAN]])
  expected = [[NAN, NAN], [1, 0], [1, 1], [0, 0], *[[NAN, NAN]] * 4]
  np.testing.assert_equal(asked["abcdefg"], expected)
  np.testing.assert_equal(asked["axy"], [*[[NAN, NAN]] * 2, [0, 0], [NAN, NAN]])
