"""Trees on nodes that are known by their letters: the papers' rules by hand."""

import dataclasses
import importlib
import types

import numpy as np
import pytest

from jaxrl.models.tokenizer import byte_tokenizer
from jaxrl.prm.grow import Grower, Node, Plot
from jaxrl.prm.hunt import Hunt
from jaxrl.prm.label import Labeller
from jaxrl.prm.trees.meds3 import refined
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
    space = types.SimpleNamespace
    config = space(
      labelling=space(batch_problems=plots), sampling=space(max_response_tokens=5)
    )
    fields = {
      "run": space(config=config, tokenizer=byte_tokenizer()),
      "plots": [
        Plot(i, Problem(str(i), "test", "?", "r", {}), []) for i in range(plots)
      ],
      "said": space(**said),
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

  def values(self, asked):
    return [self.said.value(ask.plot, ask.node.text) for ask in asked]

  def checks(self, plot, texts):
    return [-1.0 if text == "b" else 1.0 for text in texts]

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
  """And with `keep` 0 a value is the mean of its children alone: of A .9, twice .05."""
  script = Script(2, steps=steps, share=share)
  mixed, right = grown("meds3", script, nodes=18, depth=4, keep=0.0)
  np.testing.assert_allclose(mixed[0].evidence.values, [0.56, 0.9, 0.9, 1], rtol=1e-5)
  assert [one.evidence.outcome for one in right] == [1.0] * 4, "four right ends"
  assert all(np.isnan(one.evidence.values).all() for one in right)


def test_meds3_tries_a_wrong_end_once_more():
  script = Script(1)
  ended = lambda node, outcome: dataclasses.replace(
    node, terminal=True, ended=True, outcome=outcome
  )
  assert refined(script, ended(node("ab"), 1.0), "!") is None
  again = refined(script, ended(node("ab"), 0.0), "!")
  assert again.texts == ("a", "b!") and again.ends == (1, 3) and not again.terminal
  assert refined(script, ended(again, 0.0), "!") is None
  assert refined(script, ended(node("abc"), 0.0), "!") is None, "no room"


# --- AlphaMath: W += V of what is expanded and +-1 of answers, Q = W / N -------------


def children(plot, text):
  """A and E go on and B is wrong; AA goes on; one of its three ends is right."""
  del plot
  goes_on = {"A": 0.9, "E": 0.8, "AA": 0.5}
  made = (text + x for x in ("AEB" if not text else "ABC"))
  outcome = lambda text: float(text in ("AB", "AAA"))
  return [
    node(x, likelihood=goes_on[x]) if x in goes_on else end(x, outcome(x)) for x in made
  ]


def test_alphamath_adds_up_values_and_answers(grown):
  """The question: -1 of B. A: V .5, +1, -1. AA: V .6, +1, -1, -1."""
  value = lambda plot, text: {"A": 0.5, "AA": 0.6}.get(text, 0.0)
  script = Script(1, steps=children, value=value)
  (found,) = grown("alphamath", script, iterations=3, children=3, exploration=0.01)
  # The third time A, whose Q is 1 / 6, and not E, which is likely and was never tried.
  assert script.asked == [[""], ["A"], ["AA"]]
  values = {"".join(one.texts): one.evidence.values for one in found}
  np.testing.assert_allclose(values["AAA"], [-0.9 / 9, 0.1 / 7, -0.4 / 4, 1], rtol=1e-4)
  np.testing.assert_allclose(values["B"], [-0.1, -1], rtol=1e-4)
  assert [*values] == ["B", "AB", "AC", "AAA", "AAB", "AAC"]


# --- GroundedPRM: u = (sum_j v_j (N - j + 1) / N + F) / N, .9^d u on ancestors --------


def test_groundedprm_adds_up_checks_and_looks_for_both_kinds(grown):
  """The paper's: v (1, 1), F 1 is 1.25, and v (1, -1), F -1 is -.25; b is a bad step.

  Once there is a right path the choice is for low values: b's 0, not g's 1.25.
  """
  said = {"g": end("gxxr", 1.0), "bg": end("bgxbw", 0.0)}
  rolled = lambda plot, text: [dataclasses.replace(said[text], ended=True)]
  three = lambda plot, text: [node(text + letter) for letter in "bgh"]
  script = Script(1, steps=three, rollouts=rolled)
  (found,) = grown("groundedprm", script, rounds=4, paths=1)
  assert script.asked == [[""], ["g"], ["b"], ["bg"]], "enough after two rounds"
  right, wrong = (one.evidence.values for one in found)
  root = 0.9 * 1.25 - 0.81 * 0.25
  np.testing.assert_allclose(right, [root, 1.25, 1, 1, 1], rtol=1e-5)
  np.testing.assert_allclose(wrong, [root, -0.225, -0.25, 1, -1, -1], rtol=1e-5)


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


def test_omegaprm_searches_by_halves_and_pools_mixed_states_alone(grown, monkeypatch):
  """MC is 1 / 2 and 1 up to the error: 3 = log2(7 + 1) questions find it.

  The wrong rollout of `a` is searched behind `a`. Those of `abc` and `ax`, of which
  none is right, are not, though searches are left.
  """
  module = importlib.import_module("jaxrl.prm.trees.omegaprm")
  before, visits = module._priorities, []
  seen = lambda hunt, *rest: visits.append([*hunt.visits]) or before(hunt, *rest)
  monkeypatch.setattr(module, "_priorities", seen)
  script = Script(1, rollouts=rollouts)
  (found,) = grown("omegaprm", script, completions=2)
  assert visits == [[0], [1, 0, 0, 0], [1, 0, 1, 0, 0]], "each search counts once"
  assert script.asked == [[""], ["abc"], ["a"], ["ab"], ["ax"]]
  assert ["".join(one.texts) for one in found] == ["r", "abcdefg", "as", "abt", "axy"]
  asked = {"".join(one.texts): one.evidence.right[:, :2] for one in found}
  np.testing.assert_equal(asked["r"], [[0, 1], [NAN, NAN]])
  expected = [[NAN, NAN], [1, 0], [1, 1], [0, 0], *[[NAN, NAN]] * 4]
  np.testing.assert_equal(asked["abcdefg"], expected)
  np.testing.assert_equal(asked["axy"], [*[[NAN, NAN]] * 2, [0, 0], [NAN, NAN]])


def test_omegaprm_prefers_what_the_paper_says():
  """MC .75, 100 tokens behind the state, 16 visits of which 3 its own: .8234 + .125."""
  module = importlib.import_module("jaxrl.prm.trees.omegaprm")
  state, rollout = node("a" * 50), node("a" * 150)
  right = [np.array([1.0, 0.0]), np.array([1.0, 1.0, 1.0, 0.0])]
  hunt = Hunt(0, [Node(), state], right, [13, 3], [(1, rollout)], [])
  numbers = {"alpha": 0.5, "beta": 0.9, "scale": 500.0, "exploration": 0.125}
  found = module._priorities(hunt, 1, numbers)
  np.testing.assert_allclose(found[0], 0.823362 + 0.125, rtol=1e-5)
  assert np.isneginf(found[1:]).all()
