"""Rules for labels and for what to ask, on the numbers of their papers."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from jaxrl.pick import call, pick
from jaxrl.prm import evidence_rules
from jaxrl.prm.evidence import DONE, JUDGE, Evidence
from jaxrl.prm.labels.meds3 import penalised
from tests.prm.test_labels import NAN, finish, label


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
  shown = lambda verdicts, outcome: Evidence(
    len(verdicts), outcome, grounded=np.array([verdicts], float)
  )
  assert label("med_prm", shown([1, 0, 1, 1], 1.0)) == [1, 0, 0, 0]
  np.testing.assert_equal(label("med_prm", shown([1, 1], 0.0)), [NAN] * 2)


def test_reasonflux_prm():
  """The sheet's (.5, .8, -.2): a step whose share among two equal ones is e^-.2."""
  other = 0.1 * math.log(math.exp(0.2) - 1)  # so that c = -log(1 + e^(other / tau))
  evidence = Evidence(
    2,
    alignment=np.array([0.5, NAN]),
    neighbours=np.array([[0.0, other], [NAN, NAN]]),
    verdicts=np.array([[1, 0]] * 4 + [[0, 0]], float),
    template_right=np.array([1, 0, NAN, 1]),
  )
  got = label("reasonflux_prm", evidence)
  assert got == pytest.approx([0.520147, 2 / 3], abs=1e-6)
  alone = dataclasses.replace(evidence, template_right=np.full(4, NAN))
  np.testing.assert_equal(label("reasonflux_prm", alone)[1], NAN)


def test_fin_prm():
  right = np.array([[1, 1], [1, 0], [1, 1], [0, 0.0]])  # of the question and 3 steps
  evidence = Evidence(
    3,
    outcome=1.0,
    right=right,
    verdicts=np.array([[1, 0, 1]], float),
    grounded=np.array([[0, 0, 1]], float),
    knowledge_used=np.array([0.9, 0.2]),
  )
  assert label("fin_prm", evidence) == [1, 0, 1]
  assert label("fin_prm", evidence, coverage_min=0.6) == [1, 0, 0]
  wrong = dataclasses.replace(evidence, outcome=0.0)
  assert label("fin_prm", wrong) == [1, 0, 0]
  unasked = dataclasses.replace(evidence, grounded=np.array([[NAN, 0, 1]]))
  np.testing.assert_equal(label("fin_prm", unasked), [NAN, 0, 1])


def test_actprm_asks_where_heads_are_not_sure():
  no = np.zeros((0, 2))
  ask = lambda *heads, **h: call(
    pick("prm/queries", "untrusted", **h),
    Evidence(2, heads=np.array(heads, float), verdicts=no),
  )
  assert ask([0.99, 0.99], [0.97, 0.97]) == DONE
  assert ask([0.99, 0.99], [0.9, 0.9]) == JUDGE
  assert ask([0.01, 0.01], [0.5, 0.9]) == DONE, "behind the first error"
  assert ask([0.99, 0.96], [0.97, 0.97]) == JUDGE, "heads that differ"
  assert ask([0.99, 0.99], [0.97, 0.97], delta_std=-1.0) == JUDGE
  near = ([0.96, 0.98], [0.97, 0.97])  # std 0.0141 over M - 1
  assert ask(*near, delta_std=0.012) == JUDGE and ask(*near, delta_std=0.015) == DONE
  every = [
    ask([p, p], [q, q], delta_p=0.5, delta_std=1.0)
    for p in (0, 0.4, 1)
    for q in (0.6, 1)
  ]
  assert set(every) == {DONE}
  assert ask([], []) == JUDGE


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
  leaves = Evidence(3, values=np.array([0.6, 0.75, 0.5, 1]))
  assert label("edu_prm", leaves, hard=True) == [1, 0, 1]
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
