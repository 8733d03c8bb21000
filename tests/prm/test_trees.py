"""Trees on the tiny model against trees of plain objects; stopping and batching."""

import dataclasses
import functools
import importlib
import types
from collections import Counter

import numpy as np
import pytest

from jaxrl import catalogue, sampler
from jaxrl.build import build
from jaxrl.config import EvaluationConfig, LabellingConfig, SamplingConfig, resolve
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.pick import names, pick
from jaxrl.prm import grow
from jaxrl.prm import label as label_lib
from jaxrl.prm.grow import Ask, Node
from jaxrl.prm.inquiry import inquire
from jaxrl.prm.solutions import read
from jaxrl.prm.trees.meds3 import refined
from tests import tiny

# Of the tiny model, which samples all tokens about as often: one in six stops.
STOPS = tuple(range(216, 259))
MODEL = ("alphamath", "meds3", "groundedprm", "omegaprm")
PROBLEMS = 3


def config(folder, tree, batch=3, prefixes=1, **changes):
  settings = {
    "problems": PROBLEMS,
    "batch_problems": batch,
    "batch_prefixes": prefixes,
    "solutions": 1,
    "completions": 2,
  }
  made = {
    "task": {"name": f"{tiny.OWN}:parity_task"},
    "evaluation": EvaluationConfig(problems=0),
    "cut": {"name": "fixed_length", "tokens": 2},
    # One width of prompts, so that few programs are compiled.
    "sampling": SamplingConfig(
      max_prompt_tokens=8, max_response_tokens=13, prompt_bucket_tokens=64
    ),
    "query": {"name": "nothing"},
    "labelling": LabellingConfig(**settings),
    "tree": tree,
    **changes,
  }
  return resolve(tiny.config(folder / "run", **made))


def check(problem, texts):
  """Right, wrong or not to be checked, by a step's characters."""
  return [(1.0, 0.0, float("nan"))[sum(map(ord, text)) % 3] for text in texts]


@functools.cache
def built(directory):
  """The run and its weights; the model stops often, and its steps can be checked."""
  run, state = build(config(directory, {"name": "none"}))
  rules = dataclasses.replace(run.rules, stop_ids=STOPS)
  task = dataclasses.replace(run.task, check_steps=check)
  return dataclasses.replace(run, rules=rules, task=task), state.params


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
  return tmp_path_factory.mktemp("trees")


def once(verify):
  """The same, but a response is verified once: each takes a process of its own."""
  known = {}

  def asked(pairs):
    keys = [(problem.id, text) for problem, text in pairs]
    new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in known}
    known.update(zip(new, verify([*new.values()]), strict=True))
    return [known[key] for key in keys]

  return asked


@pytest.fixture(scope="module")
def pool(directory):
  run, _ = built(directory)
  with verifiers(run) as pool:
    pool.verify = once(pool.verify)
    yield pool


@pytest.fixture(scope="module", autouse=True)
def one_program():
  """The sampler keeps its slots as rows end: few programs, and the same samples."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sampler, "LEAST_SLOTS", 1024)
    yield


def labeller_of(directory, pool, tree, **changes):
  run, params = built(directory)
  run = dataclasses.replace(run, config=config(directory, tree, **changes))
  with inquire(run, pool, params, Counter()) as inquiry:
    return label_lib.Labeller(run, pool, params, Counter(), inquiry)


def problems(labeller):
  return [*enumerate(labeller.run.task.train[:PROBLEMS])]


def labels(directory, pool, tree, path, **changes):
  labeller = labeller_of(directory, pool, tree, **changes)
  return label_lib.label(labeller.run, pool, labeller.params, path)


# --- against plain objects ----------------------------------------------------------


def reference(name):
  return importlib.import_module(f"tests.references.prm.trees.{name}")


def world(labeller, numbered, sizes):
  """What a reference may ask, of one problem alone and of one node at a time."""
  grower = grow.start(labeller, [numbered])
  ask = lambda number, node: [Ask(0, number, node)]
  limits = {
    "step_tokens": sizes.get("step_tokens", 1),
    "depth": sizes.get("depth", sizes.get("rounds", 0) + 1),
  }

  def short(node, steps, **changed):
    return dataclasses.replace(node.until(steps), **changed)

  return types.SimpleNamespace(
    root=Node(),
    steps=lambda number, node, count: grower.next_steps(
      ask(number, node), count, **limits
    )[0],
    rollouts=lambda number, node, count: grower.completions(ask(number, node), count)[
      0
    ],
    checks=lambda node: grower.checks(0, node.texts),
    value=lambda node: grower.values(ask(0, node))[0],
    refined=lambda node, words: refined(grower, node, words),
    fits=lambda node, words: len(node.tokens) + len(words) < grower.room,
    short=short,
  )


def numbers_of(one, name):
  """What the rule has found out, by steps."""
  if name != "omegaprm":
    return one.evidence.values
  known = [row[~np.isnan(row)] for row in one.evidence.right]
  return np.array([row.mean() if len(row) else np.nan for row in known])


@pytest.mark.parametrize(
  "name, hparams",
  [(name, case) for name in MODEL for case in reference(name).CASES],
)
def test_trees_equal_a_plain_recomputation(directory, pool, name, hparams):
  """Batched over problems in one; problem by problem and node by node in the other."""
  sizes = reference(name).SIZES
  tree = {"name": name, **sizes, **hparams}
  labeller = labeller_of(directory, pool, tree)
  rule = pick("prm/trees", **tree)
  got = rule(labeller, problems(labeller))
  seen, outcomes = 0, set()
  for numbered, written in zip(problems(labeller), got, strict=True):
    where = world(labeller, numbered, sizes)
    expected = getattr(reference(name), name)(where, **sizes, **hparams)
    assert [tuple(one.texts) for one in written] == [texts for texts, _ in expected]
    for one, (_, numbers) in zip(written, expected, strict=True):
      np.testing.assert_allclose(numbers_of(one, name), numbers, rtol=1e-4, atol=1e-5)
      assert one.problem == numbered[1]
      outcomes.add(one.evidence.outcome)
      seen += np.isfinite(numbers[1:-1]).sum()
  assert seen > 5 and outcomes == {0.0, 1.0}


@pytest.mark.parametrize("name", names("prm/trees"))
def test_has_reference_paper_and_formula(name):
  text = catalogue.docstring(f"jaxrl.prm.trees.{name}")
  # `none` is test_label's, and mutants are test_code_labels'.
  assert name in ("none", "hgs_prm") or callable(getattr(reference(name), name))
  assert catalogue.link(text).startswith("https://arxiv.org/abs/")
  assert "et al." in " ".join(text.split("\n\n")[0].split()), "no authors"
  assert catalogue.formula(text)


def words_of(labeller, numbered):
  """What the reference of edu_prm may ask, by the plain scorer."""
  run, params = labeller.run, labeller.params
  grower = grow.start(labeller, [numbered])

  def following(tokens):
    ids = [*grower.plots[0].prompt, *tokens]
    if len(tokens) >= grower.room:
      return None, None, None
    z = tiny.plain(run, params, ids, width=40)[1][-1]
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    order = np.argsort(-p, kind="stable")
    return int(order[0]), int(order[1]), float(-(p * np.log(p)).sum())

  outcome = lambda text: labeller.pool.verify([(numbered[1], text)])[0].score
  return types.SimpleNamespace(
    next=following,
    stops=lambda token: token in run.rules.stop_ids,
    text=lambda tokens: run.tokenizer.decode(list(tokens)),
    outcome=outcome,
  )


@pytest.mark.parametrize("hparams", reference("edu_prm").CASES)
def test_forks_equal_a_plain_recomputation(directory, pool, hparams):
  settings = {**reference("edu_prm").SIZES, **hparams}
  labeller = labeller_of(directory, pool, {"name": "edu_prm", **settings})
  # Every byte that is no character stops: no fragment without text.
  rules = dataclasses.replace(labeller.run.rules, stop_ids=tuple(range(128, 259)))
  run = dataclasses.replace(labeller.run, rules=rules)
  labeller = dataclasses.replace(labeller, run=run)
  got = pick("prm/trees", "edu_prm", **settings)(labeller, problems(labeller)[:2])
  leaves, shared = [], 0
  for numbered, written in zip(problems(labeller)[:2], got, strict=True):
    where = words_of(labeller, numbered)
    expected = reference("edu_prm").edu_prm(where, **settings)
    assert len(written) == len(expected)
    told = set()
    for one in written:
      said = tuple(one.tokens)
      texts, shares = next(
        found for tokens, *found in expected if tokens[: len(said)] == said
      )
      assert one.texts == texts
      for step, share in enumerate(one.evidence.values[1:]):
        prefix = said[: one.ends[step]]
        # Once, and then with all leaves below it.
        np.testing.assert_allclose(share, np.nan if prefix in told else shares[step])
        shared += prefix in told
        told.add(prefix)
    leaves.append(len(written))
  assert shared or max(leaves) <= 2
  assert max(leaves) == 1 if settings["threshold"] > 9 else max(leaves) > 2
  assert max(leaves) <= settings["leaves"]


# --- files of labels ----------------------------------------------------------------

LABELS = {
  "alphamath": "alphamath",
  "meds3": "meds3",
  "groundedprm": "groundedprm",
  "omegaprm": "omegaprm",
}


@pytest.mark.parametrize("name", MODEL)
def test_neither_kills_nor_batches_change_a_file(directory, pool, name, tmp_path):
  tree = {"name": name, **reference(name).SIZES}
  changes = {"labels": {"name": LABELS[name]}}
  whole, again, apart = (tmp_path / f"{i}.jsonl" for i in range(3))
  counts = labels(directory, pool, tree, whole, **changes)
  text = whole.read_text()
  assert counts["problems"] == PROBLEMS and counts["labelled_steps"] > 0
  # Killed in the middle of the second problem's lines.
  first = read(whole)[0].problem
  kept = [line for line in text.splitlines(keepends=True) if f'"{first}"' in line]
  again.write_text("".join(kept) + text[len("".join(kept)) :][:40])
  counts = labels(directory, pool, tree, again, **changes)
  assert counts["problems"] == PROBLEMS - 1
  assert sorted(again.read_text().splitlines()) == sorted(text.splitlines())
  labels(directory, pool, tree, apart, batch=2, prefixes=2, **changes)
  assert sorted(apart.read_text().splitlines()) == sorted(text.splitlines())


# --- nodes --------------------------------------------------------------------------


def test_steps_are_cut_and_continued(directory, pool):
  labeller = labeller_of(directory, pool, {"name": "alphamath"})
  grower = grow.start(labeller, problems(labeller))

  def more(node):
    asked = [Ask(0, number, node) for number in range(8)]
    found = grower.next_steps(asked, 3, step_tokens=3, depth=2)
    return [one for new in found for one in new]

  made = more(Node())
  # Bytes that are no character add no text, and no step; two tokens are a step.
  assert all(len(node.texts) <= 1 for node in made)
  open_ = [node for node in made if node.texts and not node.ended]
  assert open_ and not any(node.terminal for node in open_)
  assert min(len(node.tokens) for node in open_) == 2
  ended = [node for node in made if node.ended]
  assert ended and all(node.terminal and node.outcome in (0, 1) for node in ended)
  below = more(open_[0])
  assert all(node.tokens[:2] == open_[0].tokens[:2] for node in below)
  deep = [node for node in below if len(node.texts) == 2 and not node.ended]
  assert deep and all(node.terminal for node in below)
  assert all(node.outcome == 0 for node in deep), "too deep is wrong"
  asked = [Ask(0, number, open_[0]) for number in range(8)]
  whole = [new[0] for new in grower.completions(asked, 1)]
  assert max(len(node.tokens) for node in whole) <= grower.room
  assert all(node.text.startswith(open_[0].text) for node in whole)
  assert len({node.tokens for node in whole}) > 4, "randomness by the node's number"


def test_values_are_what_the_model_of_steps_says(directory, pool, monkeypatch):
  labeller = labeller_of(
    directory, pool, {"name": "alphamath"}, prm=tiny.prm_directory()
  )
  grower = grow.start(labeller, problems(labeller))
  roots = [Ask(plot, 0, Node()) for plot in range(PROBLEMS)]
  asked = [Ask(0, number, Node()) for number in range(6)]
  nodes = [Ask(0, 0, new[0]) for new in grower.completions(asked, 1) if new[0].texts]
  tasks, scores = [], grow.step_scores

  def step_scores(scorer, *arguments, **settings):
    tasks.append(scorer.run.task)
    return scores(scorer, *arguments, **settings)

  monkeypatch.setattr(grow, "step_scores", step_scores)
  said = grower.values([*roots, *nodes])
  assert tasks == [labeller.run.task], "it reads what the policy was asked"
  assert said[:PROBLEMS] == [0.0] * PROBLEMS
  assert len({round(v, 6) for v in said}) > 3 and max(map(abs, said)) < 1
  for node, value in zip(nodes, said[PROBLEMS:], strict=True):
    np.testing.assert_allclose(grower.values([node]), [value], atol=1e-5)


def test_a_task_without_a_checker_is_an_error(directory, pool):
  tree = {"name": "groundedprm", **reference("groundedprm").SIZES}
  labeller = labeller_of(directory, pool, tree)
  task = dataclasses.replace(labeller.run.task, check_steps=None)
  run = dataclasses.replace(labeller.run, task=task)
  labeller = dataclasses.replace(labeller, run=run)
  with pytest.raises(UserError, match="has no checker of steps; take one that has"):
    pick("prm/trees", **tree)(labeller, problems(labeller))
