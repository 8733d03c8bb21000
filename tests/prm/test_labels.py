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
from jaxrl.prm import evidence_rules
from jaxrl.prm.evidence import DONE, Evidence
from jaxrl.prm.labels.meds3 import penalised

LABELS, QUERIES = names("prm/labels"), names("prm/queries")
RULES = [("prm/labels", n) for n in LABELS] + [("prm/queries", n) for n in QUERIES]
NAN = math.nan
IN_ORDER = ("every_prefix", "until_zero", "by_uncertainty", "by_log_sum")
MOST = {  # questions for a solution of S steps
  **dict.fromkeys(IN_ORDER, lambda s: s),
  "bisect": lambda s: math.ceil(math.log2(s + 1)),
  "by_uncertainty_gain": lambda s: max(s - 1, 0),
  "nothing": lambda s: 0,
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
  )


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
  assert labelled > 10, "hardly any evidence gives labels"


@pytest.mark.parametrize("stage, name, hparams", cases("prm/queries"))
def test_queries_match_their_reference(stage, name, hparams):
  answers = set()
  for evidence in EVIDENCES:
    got = call(pick(stage, name, **hparams), evidence)
    assert type(got) is int and (got == DONE or 0 <= got < evidence.steps)
    assert got == call(reference(stage, name), evidence, **hparams)
    answers.add(got)
  assert name == "nothing" or len(answers) > 2


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
  low = {"pav": -1.0, "pav_best_of_k": -1.0, "alphamath": -1.0, "code_line": -1.0}
  rule = pick("prm/labels", name)
  for y in itertools.chain(*(call(rule, evidence) for evidence in EVIDENCES)):
    assert math.isnan(y) or low.get(name, 0.0) <= y <= 1.0


# --- queries, asked to the end ------------------------------------------------------


def finish(name, whole):
  """The evidence once the query is done, and the prefixes that it asked in order."""
  hidden = np.full_like(whole.right, NAN)
  now = dataclasses.replace(whole, right=hidden, likelihood=hidden.copy())
  query, asked = pick("prm/queries", name), []
  while (prefix := call(query, now)) != DONE:
    assert prefix == call(reference("prm/queries", name), now)
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
  assert most >= {"bisect": 3, "nothing": 0}.get(name, 5)


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


# --- the papers' numbers ------------------------------------------------------------


def of_rates(*rates, outcome=NAN, k=40):
  """Evidence with these shares of right completions, the question's first."""
  right = np.array([[float(j < round(r * k)) for j in range(k)] for r in rates])
  return Evidence(len(rates) - 1, outcome, right=right, prover_right=right)


def judged(*judges, **fields):
  return Evidence(len(judges[0]), verdicts=np.array(judges, float), **fields)


def test_stepwise_orm():
  assert label("stepwise_orm", of_rates(1, 1, 0, 1, 0)) == [1, 1, 1, 0]
  rows = np.random.default_rng(1).random((200, 6, 8)) < 0.2
  means = []
  for k in (1, 3, 8):
    got = [label("stepwise_orm", Evidence(5, right=r[:, :k] * 1.0)) for r in rows]
    assert all(np.diff(y).max() <= 0 for y in got), "labels rise"
    means.append(np.mean(got))
  assert means == sorted(means) and means[0] < means[-1]


def test_stepwise_orm_counts_completions_that_use_the_step():
  right = np.array([[1, 1], [1, 1], [1, 0], [0, 0.0]])
  uses = np.array([[0, 0], [0, 1], [0, 1], [1, 1.0]])
  evidence = Evidence(3, right=right, uses_step=uses)
  assert label("stepwise_orm_used", evidence) == [1, 0, 0]
  assert label("stepwise_orm", evidence) == [1, 1, 0]


def test_er_prm():
  at = lambda a, eta: label("er_prm", of_rates(0, a), eta=eta)[0]
  assert at(0.5, 1.0) == pytest.approx(0.620115, abs=1e-6)
  rates, etas = np.linspace(0, 1, 9), (-1e3, -5.0, -1.0, 0.0, 1e-7, 1.0, 5.0, 1e3)
  table = np.array([[at(a, eta) for a in rates] for eta in etas])
  assert (np.diff(table, axis=1) > 0).all() and (np.diff(table, axis=0) >= 0).all()
  np.testing.assert_allclose(table[:, 0], 0, atol=1e-12)
  np.testing.assert_allclose(table[:, -1], 1, atol=1e-12)
  np.testing.assert_allclose(table[3], rates)
  np.testing.assert_allclose(table[-1, 1:], 1, atol=0.01)
  np.testing.assert_allclose(table[0, :-1], 0, atol=0.01)


def test_pav():
  step = of_rates(0.3, 0.5)
  for k, gain in ((1, 0.2), (4, 0.1776), (32, 1.1e-5)):
    got = label("pav_best_of_k", step, best_of=k)
    assert got == pytest.approx([gain], rel=2e-2 if k == 32 else 1e-9)
    assert got == label("pav", step, best_of=k)
  walk = of_rates(0.3, 0.3, 0.9, 0.9, 0.5, outcome=1.0)
  got = label("pav", walk)
  assert got[0] == got[2] == 0.0, "a step that changes nothing earns nothing"
  assert sum(got) == pytest.approx(1 - 0.3), "telescopes to Q(S) - V"


def test_genprm():
  assert label("genprm", of_rates(0.8, 0.8, 0.7, 0.2)) == [1, 1, 0]
  assert label("genprm", of_rates(0.4, 0.4, 0.35, 0.1)) == [1, 1, 0], "scaled"
  assert label("genprm", of_rates(5 / 6, 4 / 6, k=6)) == [1], "0.8 but for rounding"
  got = label("genprm", of_rates(0.5, 0.5, 0, 1), progress_min=0.0)
  np.testing.assert_equal(got, [1, 0, NAN])


def test_scan():
  evidence = of_rates(0.8, 1, 0.875, 0.5, 0.25, 0, outcome=0.0)
  assert label("scan", evidence) == [1, 1, 0.625, 0.3125, 0]
  assert label("scan", evidence, tolerance=0) == [1, 1, 1, 1, 0]
  np.testing.assert_equal(label("scan", evidence, confidence_min=0.9), [NAN] * 5)
  cut = of_rates(1, 0.5, 0, 0.5, outcome=0.0)
  np.testing.assert_equal(label("scan", cut), [0.5, 0, NAN])
  assert label("scan", of_rates(1, 1, outcome=0.0)) == [0], "one wrong step"


def test_consensus_filtering():
  fields = {"right": of_rates(1, 1, 0, 1).right}
  agreed = label("consensus_filtering", judged([1, 0, 1], **fields))
  np.testing.assert_equal(agreed, [1, 0, NAN])
  for other in ([0, 1, 1], [1, 1, 0], [1, 1, 1]):
    got = label("consensus_filtering", judged(other, **fields))
    np.testing.assert_equal(got, [NAN] * 3)
    both = label("consensus_filtering", judged([1, 0, 1], other, **fields))
    np.testing.assert_equal(both, [NAN] * 3)
  fine = judged([1, 1], right=fields["right"][[0, 1, 1]])
  assert label("consensus_filtering", fine) == [1, 1]


def test_judges():
  judges = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, NAN]])
  for order in itertools.permutations(judges):
    assert label("aurora", judged(*order)) == [1, 1, 0, 0]
    soft = label("aurora_soft", judged(*order))
    assert soft == pytest.approx([1, 2 / 3, 1 / 3, 0.5])
  assert label("aurora", judged([1, 0, 1])) == [1, 0, 1]
  np.testing.assert_equal(label("versaprm", judged([1, 1, 0, 1])), [1, 1, 0, NAN])
  assert label("versaprm", judged([1, 1])) == [1, 1]
  assert label("med_prm", judged([1, 0, 1, 1], outcome=1.0)) == [1, 0, 0, 0]
  np.testing.assert_equal(label("med_prm", judged([1, 1], outcome=0.0)), [NAN] * 2)


def test_critic_cot_keeps_what_the_outcome_bears_out():
  kept = {
    ((1, 1), 1.0, NAN): [1, 1],
    ((1, 0), 0.0, 1.0): [1, 0],
    ((0, 1), 0.0, 1.0): [0, NAN],
  }
  values = (1.0, 0.0, NAN)
  for first, second, outcome, refined in itertools.product(values, repeat=4):
    critique = judged([first, second], outcome=outcome, refined=refined)
    got = label("critic_cot", critique)
    accepts = first == second == 1 and outcome == 1
    rejects = 0 in (first, second) and outcome == 0 and refined == 1
    assert (not np.isnan(got).all()) == (accepts or rejects)
  for (verdicts, outcome, refined), expected in kept.items():
    critique = judged(verdicts, outcome=outcome, refined=refined)
    np.testing.assert_equal(label("critic_cot", critique), expected)


def test_meds3():
  values = np.array([0.2, 0.6, 0.8, 0.4, 0.9])
  half, full = [0.2, 0.6, 0.9, 0.15, 1.275], [0.2, 0.6, 1.0, -0.2, 2.0]
  np.testing.assert_allclose(penalised(values, 0.5), half)
  np.testing.assert_allclose(penalised(values, 1.0), full)
  node = Evidence(4, values=values)
  assert label("meds3", node) == [1, 1, 0, 1]
  assert label("meds3", node, factor=0.0) == [1, 1, 1, 1]
  assert label("meds3_soft", node) == pytest.approx([0.6, 0.8, 0.4, 0.9])
  # w_2 = .8 + .1, w_3 = .4 - .5 (.9 - .9): the next value makes up for the fall.
  assert label("meds3_soft", node, factor=0.5) == pytest.approx([0.6, 0.9, 0.4, 0.9])


def test_values_and_thresholds():
  node = Evidence(3, 0.0, values=np.array([0, 0.5, -0.25, 0.9]))
  assert label("alphamath", node) == [0.5, -0.25, -1]
  assert label("alphamath", node, lowest=0.0) == [0, -1, -1]
  rates = of_rates(1, 0, 0.125, 0.25, 0.75, 0.875, 1, k=8)
  np.testing.assert_equal(label("vrprm", rates), [0, 0, NAN, 1, 1, 1])
  np.testing.assert_equal(label("vrprm_certain", rates), [NAN] * 6)
  clear = of_rates(1, 0.875, 0.125, k=8)
  assert label("vrprm_certain", clear) == label("vrprm", clear) == [1, 0]
  assert label("code_line", of_rates(1, 0, 0, outcome=0.0)) == [-1, -1]
  assert label("code_line", of_rates(1, 0, 1, outcome=1.0)) == [1, 1]


def test_unprm():
  logp = [np.array(x) for x in ([-0.1, -2, -0.5], [-0.3], [-1.0] * 4, [])]
  entropies = [1.086201, 0, math.log(4), 0]
  np.testing.assert_allclose(evidence_rules.entropies(logp), entropies, atol=1e-6)
  sums = [3.334575, 0, 4 * math.log(4), 0]
  np.testing.assert_allclose(evidence_rules.log_sums(logp), sums, atol=1e-6)
  assert evidence_rules.descending(np.array([0.1 + 0.2, 0.3, 0.1 + 0.2])) == [1, 2, 3]
  # Steps 1 and 3 are below the question's rate; the longer one is visited first.
  evidence = dataclasses.replace(
    of_rates(0.75, 0.5, 0.75, 0.5, 0.75, outcome=0.0, k=4),
    likelihood=np.ones((5, 4)),
    step_logp=logp,
  )
  assert label("unprm", evidence) == [1, 1, 0, 0]
  assert finish("by_uncertainty", evidence)[1] == [0, 3]
  weight = np.array([[1, 1, 1, 1], [0.5, 0.5, 0.1, 0.1]] + [[1, 1, 1, 1]] * 3)
  heavy = dataclasses.replace(evidence, likelihood=weight)
  rates = evidence_rules.weighted(heavy.right, weight)
  assert rates[1] == pytest.approx(1 / 1.2), "likelihoods weigh the rate"
