"""Labels of thoughts and of the whole, and pairs of steps, by a small random model."""

import collections
import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.config import EvaluationConfig, LabellingConfig, SamplingConfig, resolve
from jaxrl.config_parts import JudgeConfig
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.prm import criteria, pareto, templates, thoughts, yes_no
from jaxrl.prm.criteria import Criterion
from jaxrl.prm.evidence import Evidence
from jaxrl.prm.knowledge import Usage
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from tests import tiny
from tests.prm import judges
from tests.prm.test_verdicts import FILE, label, long_model

JUDGING = SamplingConfig(
  max_prompt_tokens=1024, max_response_tokens=6, prompt_bucket_tokens=512
)


def config(tmp_path, labels, query="nothing", **labelling):
  settings = {
    "problems": 4,
    "solutions": 2,
    "completions": 3,
    "batch_problems": 2,
    "batch_prefixes": 4,
    "judge": JudgeConfig(model=f"{FILE}:by_letters", sampling=JUDGING),
    **labelling,
  }
  base = tiny.config(
    tmp_path / "run",
    task={"name": f"{tiny.OWN}:parity_task"},
    sampling=SamplingConfig(
      max_prompt_tokens=64, max_response_tokens=6, prompt_bucket_tokens=64
    ),
    evaluation=EvaluationConfig(problems=0),
    cut={"name": "fixed_length", "tokens": 2},
    query={"name": query},
    labels={"name": labels},
    labelling=LabellingConfig(**settings),
  )
  model = dataclasses.replace(base.model, path=long_model())
  return resolve(dataclasses.replace(base, model=model))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  """(run, params) of `config`."""
  run, state = build(config(tmp_path_factory.mktemp("model"), "freeprm"))
  return run, state.params


def written(number, question, *texts, outcome=1.0):
  problem = Problem(question, "test", question, "4", {"solution": "4"})
  evidence = Evidence(len(texts), outcome)
  return Written(problem, number, [], [], [], list(texts), evidence, None)


# --- thoughts -----------------------------------------------------------------------


def test_an_encoder_is_the_mean_state_whatever_stands_beside(model):
  run, params = model
  encode = thoughts.Encoder(run, params, 3)
  texts = ["abc", "a longer text than that", "b", "abc", ""]
  got = encode(texts)
  np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, rtol=1e-6)
  np.testing.assert_array_equal(got[0], got[3])
  for text, row in zip(texts[:3], got, strict=False):
    hidden, _ = tiny.plain(run, params, run.tokenizer.encode(text), width=32)
    mean = hidden.mean(axis=0)
    np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-4)


def test_cosines_of_a_thought(model):
  from jaxrl.prm.solutions import Solution

  run, params = model
  other = Solution("p", "other?", ("x y", "z"), (None, None))
  same = Solution("q", "q?", ("never",), (None,))
  encode = thoughts.Encoder(run, params, 4)
  one = written(0, "q?", "first", "second", "last\n\nline")
  alignment, neighbours = thoughts.Thoughts(encode, [other, same])(one)
  cosine = lambda a, b: float(encode([a])[0] @ encode([b])[0])
  for t, (step, before) in enumerate([("first", "q?"), ("second", "first")]):
    expected = max(cosine(step, line) for line in ("last", "line"))
    np.testing.assert_allclose(alignment[t], expected, atol=1e-5)
    np.testing.assert_allclose(neighbours[t, 0], cosine(step, before), atol=1e-5)
    far = {round(cosine(before, text), 4) for text in ("x y", "z")}
    assert {round(float(x), 4) for x in neighbours[t, 1:]} == far
  assert np.isnan(alignment[2]) and np.isnan(neighbours[2]).all()
  alone = thoughts.Thoughts(encode, [other])(written(0, "q?", "all"))
  assert np.isnan(alone[0]).all() and alone[1].shape == (1, neighbours.shape[1])
  with pytest.raises(UserError, match="no solution to another question"):
    thoughts.Thoughts(encode, [same])(one)


# --- templates and knowledge --------------------------------------------------------


class Planned(templates.Templates):
  """Plans that are known, one of them missing and one too long."""

  def _plans(self, written):
    return [{0: "add", 1: None, 2: "x" * 99}[one.number % 3] for one in written]


def test_the_share_of_right_answers_by_a_plan(model):
  """Drawn with the plan in the prompt, and verified as answers to the question."""
  run, params = model
  counts = collections.Counter()
  keys = jax.random.key(1), jax.random.key(2)
  many = [written(n, f"{n % 9}+1=", "a", "b") for n in range(9)]
  with verifiers(run) as pool:
    made = Planned(run, params, run, params, pool, counts, keys)
    got = made(many)
    again = made(many[3:4])
  assert counts["templates_missing"] == 6
  assert all(row.shape == (3,) for row in got)
  for n, row in enumerate(got):
    assert np.isnan(row).all() == (n % 3 > 0)
  known = np.concatenate(got[::3])
  assert set(known.tolist()) == {0.0, 1.0}
  np.testing.assert_array_equal(again[0], got[3])
  asked = templates.with_template(many[0].problem, " plan ")
  assert asked.question == "0+1=\n\nFollow this plan:\nplan"
  assert asked.answer == "4"


def test_a_plan_is_what_the_judging_model_writes(model):
  run, params = model
  judging = dataclasses.replace(
    run, config=dataclasses.replace(run.config, sampling=JUDGING)
  )
  keys = jax.random.key(1), jax.random.key(2)
  with verifiers(run) as pool:
    counts = collections.Counter()
    made = templates.Templates(judging, params, run, params, pool, counts, keys)
    six = [written(n, "1+1=", "a") for n in range(6)]
    texts = made._plans(six)
    assert texts == made._plans(six) and len({text for text in texts if text}) > 3
    assert texts[4:] == made._plans(six[4:]), "others change nothing"
    assert made._plans([written(0, "1+1=", "a" * 1024)]) == [None]


def test_what_is_likely_is_used(model):
  run, params = model
  judging = dataclasses.replace(
    run, config=dataclasses.replace(run.config, sampling=JUDGING)
  )
  counts = collections.Counter()
  use = Usage(judging, params, 4, counts)
  found = [("add", "multiply", "x" * 1024), (), ("add",)]
  got = use([written(n, "1+1=", "a") for n in range(3)], found)
  assert [len(row) for row in got] == [3, 0, 1]
  assert np.isnan(got[0][2]) and counts["questions_too_long"] == 1
  np.testing.assert_allclose(got[2][0], got[0][0], rtol=1e-5)
  assert 0 < got[0][0] < 1 and got[0][0] != got[0][1]


def test_yes_is_the_first_word(model):
  run, params = model
  asked = ["Is it? ", "Or not"]
  config = dataclasses.replace(run.config, sampling=JUDGING)
  judging = dataclasses.replace(run, config=config)
  got = yes_no.shares(
    judging, params, asked, batch_rows=2, counts=collections.Counter()
  )
  for text, p in zip(asked, got, strict=True):
    means = []
    for word in (" Yes", " No"):
      before = run.tokenizer.encode(text) + run.tokenizer.encode("\nAnswer:")
      ids = before + run.tokenizer.encode(word)
      _, logits = tiny.plain(run, params, ids, width=32)
      logp = np.asarray(jax.nn.log_softmax(logits))
      places = range(len(before) - 1, len(ids) - 1)
      means.append(np.mean([logp[t, ids[t + 1]] for t in places]))
    expected = 1 / (1 + np.exp(means[1] - means[0]))
    np.testing.assert_allclose(p, expected, rtol=1e-3)


# --- whole runs ---------------------------------------------------------------------


def test_reasonflux_labels_are_made_of_their_parts(tmp_path):
  other = label(config(tmp_path, "freeprm"), tmp_path / "other.jsonl")[1]
  assert len(other) > 4
  made = config(tmp_path, "reasonflux_prm", unrelated=str(tmp_path / "other.jsonl"))
  counts, found = label(made, tmp_path / "labels.jsonl")
  thought = [y for one in found for y in one.labels[:-1]]
  assert thought and None not in thought and len(set(thought)) > 3
  whole = [one.labels[-1] for one in found]
  assert set(whole) - {None} <= {0.0, 1 / 3, 2 / 3, 1.0}
  missing = sum(y is None for y in whole)
  assert missing == counts["templates_missing"] < len(found)
  none = config(tmp_path, "reasonflux_prm")
  with pytest.raises(UserError, match=r"set labelling\.unrelated"):
    label(none, tmp_path / "none.jsonl")


def test_fin_labels_are_made_of_their_parts(tmp_path):
  corpus = tmp_path / "documents.jsonl"
  lines = [json.dumps({"text": f"{a}+{a} knowledge"}) for a in range(10)]
  corpus.write_text("\n".join(lines) + "\n")
  judge = JudgeConfig(
    model=f"{FILE}:by_letters",
    forms=("grader",),
    documents=str(corpus),
    sampling=JUDGING,
  )
  made = config(tmp_path, "fin_prm", "every_prefix", judge=judge)
  _, found = label(made, tmp_path / "labels.jsonl")
  for one in found:
    for t in range(len(one.steps) - 1):
      vote = judges.expected(one.steps[t], "grader")
      parts = [np.mean(one.about["right"][t + 1]), vote, vote]
      assert one.labels[t] == float(sum(parts) / 3 >= 0.5 - 1e-9)
      assert one.about["grounded"] == one.about["verdicts"]
    assert one.labels[-1] in (0.0, one.outcome)


def test_web_shepherd_has_no_label_without_a_checklist(tmp_path):
  """A random model writes none; each problem is asked for its own once."""
  judge = JudgeConfig(sampling=JUDGING)
  counts, found = label(
    config(tmp_path, "web_shepherd", judge=judge), tmp_path / "labels.jsonl"
  )
  assert len(found) > 4 and {y for one in found for y in one.labels} == {None}
  assert counts["checklists_missing"] == counts["problems"] == 4


def test_pairs_are_written_behind_the_solutions(tmp_path):
  tree = tmp_path / "tree.json"
  criteria.save([Criterion("Logic", ("order", "proof")), Criterion("Sum")], tree)
  judge = JudgeConfig(sampling=JUDGING)
  settings = {"criteria": str(tree), "judge": judge, "completions": 4, "problems": 3}
  made = config(tmp_path, "math_shepherd_soft", "every_prefix", **settings)
  counts, found = label(made, tmp_path / "labels.jsonl")
  plain = [one for one in found if "pair" not in one.about]
  pairs = [one for one in found if "pair" in one.about]
  assert len(plain) == counts["solutions"] and len(pairs) == 2 * counts["pairs"] > 0
  for better, worse in zip(pairs[::2], pairs[1::2], strict=True):
    assert better.about["pair"] == worse.about["pair"]
    assert better.steps[:-1] == worse.steps[:-1] and better.steps != worse.steps
    assert (better.outcome, worse.outcome) == (1.0, 0.0)
    assert better.labels[-1] == 1.0 and set(better.labels[:-1]) <= {None}
    scores = np.array([better.about["scores"], worse.about["scores"]])
    assert scores.shape == (2, 3) and pareto.dominance(scores).tolist() == [
      [False, True],
      [False, False],
    ]
  again = {**settings, "batch_problems": 3}
  more = config(tmp_path, "math_shepherd_soft", "every_prefix", **again)
  label(more, tmp_path / "again.jsonl")
  both = [
    set((tmp_path / n).read_text().splitlines())
    for n in ("labels.jsonl", "again.jsonl")
  ]
  assert both[0] == both[1]


def test_a_tree_without_criteria_is_an_error(tmp_path):
  """A random judge names none."""
  judge = JudgeConfig(sampling=JUDGING)
  tree = str(tmp_path / "new.json")
  made = config(tmp_path, "math_shepherd_soft", criteria=tree, judge=judge)
  with pytest.raises(UserError, match="no criterion was found"):
    label(made, tmp_path / "labels.jsonl")
  assert not (tmp_path / "new.json").exists()
