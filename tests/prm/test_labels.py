"""Rules for the labels of steps and for what to ask: references, papers' numbers."""

import copy
import dataclasses
import importlib
import itertools
import math

import numpy as np
import pytest

from jaxrl import catalogue
from jaxrl.pick import call, hyper_parameters, load, names, pick
from jaxrl.prm.evidence import DONE, JUDGE, Evidence

LABELS, QUERIES = names("prm/labels"), names("prm/queries")
RULES = [("prm/labels", n) for n in LABELS] + [("prm/queries", n) for n in QUERIES]
NAN = math.nan
ENDS = (DONE, JUDGE)
IN_ORDER = ("every_prefix", "until_zero", "by_uncertainty", "by_log_sum")
MOST = {  # questions for a solution of S steps
  **dict.fromkeys(IN_ORDER, lambda s: s),
  "bisect": lambda s: math.ceil(math.log2(s + 1)),
  "by_uncertainty_gain": lambda s: max(s - 1, 0),
  "nothing": lambda s: 0,
  "untrusted": lambda s: 0,
}


def module(stage, name):
  return importlib.import_module(f"tests.references.{stage}.{name}".replace("/", "."))


def reference(stage, name):
  return getattr(module(stage, name), name)


def cases(*stages):
  chosen = [rule for rule in RULES if rule[0] in stages]
  return [(*rule, hparams) for rule in chosen for hparams in module(*rule).CASES]


def label(name, evidence, **hparams):
  return call(pick("prm/labels", name, **hparams), evidence).tolist()


def evidence_of(draw, steps, k, holes):
  """A solution whose fields are all filled in, with NaN in `holes` of the places."""
  error = draw.integers(0, steps + 3)
  easy = draw.choice([0.5, 0.95])

  def hide(array):
    array = np.where(draw.random(array.shape) < holes, NAN, array)
    rows = draw.random(len(array)) < holes
    return np.where(rows.reshape(-1, *[1] * (array.ndim - 1)), NAN, array)

  coins = lambda p, *shape: hide((draw.random(shape) < p).astype(float))
  falls = np.where(np.arange(steps + 1) < error, easy, 0.1 * draw.integers(0, 2))
  asks = lambda: coins(falls[:, None], steps + 1, k)
  checks = lambda *shape: coins(draw.choice([0.5, 0.9, 1.0]), *shape)
  opinion = np.where(np.arange(1, steps + 1) < error, 1.0, 0.0)
  verdicts = checks(draw.integers(0, 4), steps)
  if draw.random() < 0.5:  # judges who agree with the completions
    verdicts = np.where(np.isnan(verdicts), NAN, opinion)
  lengths = draw.integers(0, 5, size=steps)
  more = np.random.default_rng([steps, k, int(10 * holes), len(verdicts)])
  return Evidence(
    steps=steps,
    outcome=float(draw.choice([0.0, 0.0, 1.0, NAN])),
    right=asks(),
    likelihood=hide(draw.random((steps + 1, k))),
    uses_step=coins(0.6, steps + 1, k),
    prover_right=asks(),
    step_logp=[hide(-3 * draw.random(int(n))) for n in lengths],
    verdicts=verdicts,
    checked=checks(steps),
    values=hide(1.2 * draw.random(steps + 1) - 0.1),
    refined=float(draw.choice([0.0, 1.0, NAN])),
    **judged_by_models(more, steps, k, holes),
  )


def judged_by_models(draw, steps, k, holes):
  """What models say of a solution and its steps."""
  hide = lambda x: np.where(draw.random(x.shape) < holes, NAN, x)
  coins = lambda p, *shape: hide((draw.random(shape) < p).astype(float))
  sure = draw.choice([0.02, 0.98], size=(steps, 1), p=[0.2, 0.8])
  near = sure + draw.choice([0.0, 0.001, 0.2]) * (draw.random((steps, k)) - 0.5)
  return {
    "grounded": coins(0.8, draw.integers(0, 3), steps),
    "heads": hide(np.clip(near, 0, 1)[:, : draw.choice([0, 1, k])]),
    "checklist": hide(draw.random(steps)),
    "alignment": hide(2 * draw.random(steps) - 1),
    "neighbours": hide(2 * draw.random((steps, 4)) - 1),
    "template_right": coins(0.6, k),
    "knowledge_used": hide(draw.random(draw.integers(0, 4))),
  }


DRAW = np.random.default_rng(0)
EVIDENCES = [
  evidence_of(DRAW, steps, k, holes)
  for steps, k in itertools.product(range(7), range(1, 6))
  for holes in (0.0, 0.0, 0.0, 0.1, 0.1, 0.3, 1.0)
]


# --- every file ---------------------------------------------------------------------


@pytest.mark.parametrize("stage, name", RULES)
def test_has_reference_and_paper(stage, name):
  assert callable(reference(stage, name))
  text = catalogue.docstring(f"jaxrl.{stage}.{name}".replace("/", "."))
  assert catalogue.link(text).startswith("https://arxiv.org/abs/"), "no paper"
  assert "et al." in " ".join(text.split("\n\n")[0].split()), "no authors"
  assert catalogue.formula(text), "no formula: lines indented by two spaces"


@pytest.mark.parametrize("stage, name", RULES)
def test_every_hyper_parameter_has_a_case_that_matters(stage, name):
  tried = {key for s, n, case in cases(stage) if n == name for key in case}
  assert tried == set(hyper_parameters(load(stage, name)))
  plain = pick(stage, name)
  for changed in (pick(*c[:2], **c[2]) for c in cases(stage) if c[1] == name and c[2]):
    assert any(not same(call(plain, e), call(changed, e)) for e in EVIDENCES), changed


def same(one, other):
  return np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("stage, name, hparams", cases("prm/labels"))
def test_labels_match_their_reference(stage, name, hparams):
  rule, labelled = pick(stage, name, **hparams), 0
  for evidence in EVIDENCES:
    got = call(rule, evidence)
    assert got.shape == (evidence.steps,) and got.dtype == np.float64
    expected = np.array(call(reference(stage, name), evidence, **hparams), float)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    labelled += not np.isnan(got).all()
  none = name == "outcome_only"  # the rule that there are no labels
  assert (labelled > 10) != none, "hardly any evidence gives labels"


@pytest.mark.parametrize("stage, name, hparams", cases("prm/queries"))
def test_queries_match_their_reference(stage, name, hparams):
  answers = set()
  for evidence in EVIDENCES:
    got = call(pick(stage, name, **hparams), evidence)
    assert type(got) is int and (got in ENDS or 0 <= got < evidence.steps)
    assert got == call(reference(stage, name), evidence, **hparams)
    answers.add(got)
  assert len(answers) > {"nothing": 0, "untrusted": 1}.get(name, 2)


@pytest.mark.parametrize("stage, name", RULES)
def test_a_rule_leaves_the_evidence_alone(stage, name):
  for evidence in EVIDENCES[::5]:
    before = copy.deepcopy(evidence)
    got = call(pick(stage, name), evidence)
    if stage == "prm/labels":
      got[:] = 7.0
    for field in dataclasses.fields(Evidence):
      np.testing.assert_equal(
        getattr(evidence, field.name), getattr(before, field.name)
      )


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_numbers_of_their_range(name):
  names = ("pav", "pav_best_of_k", "alphamath", "code_line", "reasonflux_prm")
  low = dict.fromkeys((*names, "hgs_prm"), -1.0)
  rule = pick("prm/labels", name)
  for y in itertools.chain(*(call(rule, evidence) for evidence in EVIDENCES)):
    assert math.isnan(y) or low.get(name, 0.0) <= y <= 1.0


# --- queries, asked to the end ------------------------------------------------------


def finish(name, whole):
  """The evidence once the query is done, and the prefixes that it asked in order."""
  hidden = np.full_like(whole.right, NAN)
  none = np.zeros((0, whole.steps))
  now = dataclasses.replace(
    whole, right=hidden, likelihood=hidden.copy(), verdicts=none
  )
  query, asked = pick("prm/queries", name), []
  while (prefix := call(query, now)) != DONE:
    assert prefix == call(reference("prm/queries", name), now)
    if prefix == JUDGE:
      now = dataclasses.replace(now, verdicts=np.full((1, whole.steps), NAN))
      continue
    assert 0 <= prefix < whole.steps and prefix not in asked
    asked.append(prefix)
    now.right[prefix] = whole.right[prefix]
    now.likelihood[prefix] = whole.likelihood[prefix]
  assert call(reference("prm/queries", name), now) == DONE
  return now, asked


def answerable():
  """Evidences whose completions and outcomes are known."""
  numbers = lambda e: [*e.right.flat, *e.likelihood.flat, e.outcome]
  return [e for e in EVIDENCES if not np.isnan(numbers(e)).any()]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_ends_within_its_questions(name):
  assert len(answerable()) > 60
  most = 0
  for evidence in answerable():
    _, asked = finish(name, evidence)
    assert len(asked) <= MOST[name](evidence.steps)
    assert evidence.outcome == 0 or not asked or name == "every_prefix"
    most = max(most, len(asked))
  assert most >= {"bisect": 3, "nothing": 0, "untrusted": 0}.get(name, 5)


@pytest.mark.parametrize(
  "query, rule",
  [
    ("bisect", "omegaprm_hard"),
    ("bisect", "code_line"),
    ("every_prefix", "math_shepherd_soft"),
    ("every_prefix", "stepwise_orm"),
    ("by_uncertainty", "unprm"),
    ("by_log_sum", "unprm"),
    ("by_uncertainty_gain", "unprm_gain"),
  ],
)
def test_a_finished_query_leaves_no_step_without_a_label(query, rule):
  for evidence in answerable():
    if evidence.right[0].any():
      assert not np.isnan(label(rule, finish(query, evidence)[0])).any()


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32])
def test_bisection_finds_what_a_scan_finds(steps):
  """MC = 1{t < e}: at most ceil(log2(S + 1)) questions."""
  for error in range(1, steps + 1):
    right = (np.arange(steps + 1) < error).astype(float)[:, None]
    whole = Evidence(steps, outcome=0.0, right=right, likelihood=right)
    found, asked = finish("bisect", whole)
    assert len(asked) <= math.ceil(math.log2(steps + 1))
    line = [1.0] * (error - 1) + [-1.0] * (steps - error + 1)
    assert label("code_line", found) == line == label("code_line", whole)
    assert label("omegaprm_hard", found) == [max(y, 0.0) for y in line]
    told = label("omegaprm", found, implied=True)
    assert told[error - 1 :] == [0.0] * (steps - error + 1)
    assert 0.0 not in told[: error - 1]


def test_until_zero_asks_no_more_than_scan_needs():
  right = np.array([[1.0], [1.0], [0.0], [1.0], [1.0]])
  wrong = Evidence(4, 0.0, right=right, likelihood=right)
  found, asked = finish("until_zero", wrong)
  assert asked == [0, 1, 2] and same(label("scan", found), label("scan", wrong))
  found, asked = finish("until_zero", dataclasses.replace(wrong, outcome=1.0))
  assert asked == [] and label("scan", found) == [1.0] * 4
