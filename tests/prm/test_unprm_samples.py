"""UnPRM's samples: how many a question gets, which are labelled, what is written."""

import dataclasses
import importlib
from collections import Counter

import numpy as np
import pytest

from jaxrl import loop
from jaxrl.build import build
from jaxrl.config import EvaluationConfig, LabellingConfig, load, resolve
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.metrics import read_jsonl
from jaxrl.pick import pick
from jaxrl.prm import label as label_lib
from jaxrl.prm.inquiry import inquire
from jaxrl.prm.solutions import read
from jaxrl.prm.trees.unprm import needed
from tests import tiny

reference = importlib.import_module("tests.references.prm.trees.unprm")
SIZES = {"enough": 2, "least": 2, "kept": 4, "kept_right": 1}
PROBLEMS, SAMPLES, UNIT = 6, 8, 2
PAPER = {"unit": 8, "enough": 10, "least": 16}
PAPERS = load("prm/unprm")


# --- how many -----------------------------------------------------------------------


def outcomes(*right, of=72):
  """Samples of which those places, counted from 1, are right."""
  return [float(place in right) for place in range(1, of + 1)]


@pytest.mark.parametrize(
  "tenth, expected", [(10, 16), (16, 16), (17, 24), (24, 24), (25, 32), (71, 72)]
)
def test_the_first_multiple_of_eight_with_ten_right(tenth, expected):
  found = outcomes(*range(1, 10), tenth, 72)
  assert needed(found, **PAPER) == expected


def test_the_config_has_the_papers_numbers():
  sizes = {name: PAPERS.tree[name] for name in ("enough", "least")}
  assert {**sizes, "unit": PAPERS.labelling.completions} == PAPER
  assert PAPERS.labelling.solutions == 72


def test_ten_right_of_all_are_too_few():
  assert needed(outcomes(*range(1, 11)), **PAPER) is None
  assert needed(outcomes(*range(1, 12)), **PAPER) == 16
  assert needed([float("nan")] * 72, **PAPER) is None
  assert needed([], **PAPER) is None


def test_any_sequence_against_the_reference():
  rng = np.random.default_rng(0)
  seen = set()
  for _ in range(200):
    found = rng.choice([0.0, 1.0, np.nan], p=[0.6, 0.3, 0.1], size=72).tolist()
    sizes = {"enough": int(rng.integers(1, 25)), "least": int(rng.integers(1, 40))}
    expected, _ = reference.unprm(found, [[]] * 72, 8, **sizes)
    assert needed(found, unit=8, **sizes) == expected
    seen.add(expected)
  assert None in seen and len(seen) > 5


# --- on a model ---------------------------------------------------------------------


def config(folder, tree, **labelling):
  settings = {
    "problems": PROBLEMS,
    "solutions": SAMPLES,
    "completions": UNIT,
    "batch_problems": 3,
    "batch_prefixes": 4,
    **labelling,
  }
  made = tiny.config(
    folder / "run",
    task={"name": f"{tiny.OWN}:parity_task"},
    evaluation=EvaluationConfig(problems=0),
    cut={"name": "fixed_length", "tokens": 1},
    tree=tree,
    query=PAPERS.query,
    labels=PAPERS.labels,
    labelling=LabellingConfig(**settings),
  )
  return resolve(made)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  """A run that labels, its weights and its verifiers."""
  folder = tmp_path_factory.mktemp("unprm")
  run, state = build(config(folder, {"name": "unprm", **SIZES}))
  with verifiers(run) as pool:
    yield folder, run, state.params, pool


def labeller_of(built, tree):
  folder, run, params, pool = built
  run = dataclasses.replace(run, config=config(folder, tree))
  with inquire(run, pool, params, Counter()) as inquiry:
    return label_lib.Labeller(run, pool, params, Counter(), inquiry)


@pytest.mark.parametrize("hparams", reference.CASES)
def test_samples_and_rows_equal_a_plain_recomputation(built, hparams):
  sizes = {**SIZES, **hparams}
  labeller = labeller_of(built, {"name": "unprm", **sizes})
  numbered = [*enumerate(labeller.run.task.train[:PROBLEMS])]
  samples = [
    found for start in (0, 3) for found in samples_of(labeller, numbered, start)
  ]
  rule = pick("prm/trees", "unprm", **sizes)
  got = [*rule(labeller, numbered[:3]), *rule(labeller, numbered[3:])]
  skipped, counts, completed, same = 0, set(), 0, 0
  for every, some in zip(samples, got, strict=True):
    verdicts = [one.evidence.outcome for one in every]
    logps = [one.evidence.step_logp for one in every]
    count, places = reference.unprm(verdicts, logps, UNIT, **sizes)
    assert [one.texts for one in some] == [every[i].texts for i in places]
    assert all(one.given_up == (count is None) for one in some)
    skipped += count is None
    for one in some if count is not None else ():
      counts.add(count)
      right = one.evidence.right
      assert right.shape == (one.evidence.steps + 1, count)
      np.testing.assert_array_equal(right[0, :SAMPLES], verdicts[:count])
      asked = one.asked - {0}
      assert not asked or one.evidence.outcome == 0
      for prefix in asked:
        assert np.all(np.isfinite(right[prefix]))
        said = one.completions[prefix]
        assert len(said) == count
        completed += count > UNIT
        same += said[:UNIT] == said[UNIT : 2 * UNIT]
  assert labeller.counts["questions_skipped"] == skipped
  if not hparams:
    assert 0 < skipped < PROBLEMS and len(counts) > 1
    assert completed > 2 and same == 0, "each turn draws anew"


def samples_of(labeller, numbered, start):
  return labeller.solutions(numbered[start : start + 3])


def test_numbers_of_a_problem_do_not_meet_those_of_others(built):
  labeller = labeller_of(built, {"name": "unprm", **SIZES})
  numbered = [*enumerate(labeller.run.task.train[:3])]
  got = pick("prm/trees", "unprm", **SIZES)(labeller, numbered)
  numbers = [one.number for some in got for one in some]
  assert len(set(numbers)) == len(numbers)
  assert max(numbers) < 3 * SIZES["kept"]


def test_skipped_questions_are_in_the_file_without_labels(built, tmp_path):
  folder, run, params, pool = built
  whole, again, apart = (tmp_path / f"{i}.jsonl" for i in range(3))
  counts = label_lib.label(run, pool, params, whole)
  assert counts["problems"] == PROBLEMS
  found = read(whole)
  bare = {one.problem for one in found if all(x is None for x in one.labels)}
  assert len(bare) == counts["questions_skipped"] > 0
  assert counts["labelled_steps"] > 0
  assert len({one.problem for one in found}) == PROBLEMS
  # So nothing is left to do.
  more = label_lib.label(run, pool, params, whole)
  assert more["problems_done_before"] == PROBLEMS and "problems" not in more
  # Killed in the middle of the third problem; and in other batches.
  text = whole.read_text()
  third = text.index(f'"{list(dict.fromkeys(one.problem for one in found))[2]}"')
  again.write_text(text[: third + 30])
  label_lib.label(run, pool, params, again)
  assert sorted(again.read_text().splitlines()) == sorted(text.splitlines())
  tree = {"name": "unprm", **SIZES}
  other = config(folder, tree, batch_problems=2, batch_prefixes=3)
  label_lib.label(dataclasses.replace(run, config=other), pool, params, apart)
  assert sorted(apart.read_text().splitlines()) == sorted(text.splitlines())
  # And the paper's loss learns from it.
  made = tiny.prm_config(
    tmp_path / "run",
    steps=2,
    task={"name": "labelled_steps", "path": str(whole), "test_fraction": 0.3},
    loss=PAPERS.loss,
    reduction=PAPERS.reduction,
    prompts_per_step=4,  # so that two steps have seen all questions
    group_size=4,
    evaluation=EvaluationConfig(problems=0),
  )
  rows = read_jsonl(loop.fit(made) / "metrics.jsonl")
  assert len(rows) == 2 and all(np.isfinite(row["loss"]) for row in rows)
  assert max(row["grad_norm"] for row in rows) > 0


def test_fewer_samples_than_have_to_be_right_are_an_error(built):
  labeller = labeller_of(built, {"name": "unprm", "enough": SAMPLES})
  with pytest.raises(UserError, match=r"labelling\.solutions 8 never more than 8"):
    pick("prm/trees", "unprm", enough=SAMPLES)(labeller, [])
