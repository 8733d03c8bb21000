"""CR-Planner on the tiny model: plans, pairs from trees, critics, and a search."""

import dataclasses
import json
import string
import types
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import cli, loop
from jaxrl.build import build
from jaxrl.config import (
  EvaluationConfig,
  LabellingConfig,
  SamplingConfig,
  SearchConfig,
  resolve,
  to_json,
)
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.pick import pick
from jaxrl.prm import grow, plan_nodes, plans
from jaxrl.prm import label as label_lib
from jaxrl.prm.grow import Ask, Node
from jaxrl.prm.inquiry import inquire
from jaxrl.prm.objectives.bradley_terry import bradley_terry
from jaxrl.prm.score_steps import StepScorer, load
from jaxrl.prm.solutions import read
from jaxrl.search.on_host import Host
from jaxrl.tasks.step_pairs import step_pairs
from tests import tiny
from tests.references.prm.trees import cr_planner as reference

PROBLEMS = 3
# Half of the tiny model's bytes are no character: a line with one is an answer.
ANSWER = "\ufffd"
LETTERS = string.ascii_lowercase + string.digits


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
  """Each letter stands in two short documents."""
  path = tmp_path_factory.mktemp("documents") / "documents.jsonl"
  texts = [" ".join(LETTERS[i : i + 3]) for i in range(0, 36, 3)]
  texts += [" ".join(LETTERS[i::12]) for i in range(12)]
  path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
  return str(path)


def config(folder, documents, **changes):
  settings = {
    "problems": PROBLEMS,
    "batch_problems": PROBLEMS,
    "batch_prefixes": 4,
    "solutions": 1,
    "completions": 2,
  }
  made = {
    "task": {"name": f"{tiny.OWN}:parity_task"},
    "evaluation": EvaluationConfig(problems=0),
    # One width of prompts, so that few programs are compiled.
    "sampling": SamplingConfig(
      max_prompt_tokens=8, max_response_tokens=56, prompt_bucket_tokens=64
    ),
    "searching": SearchConfig(problems=PROBLEMS, rounds=3, step_tokens=1),
    "query": {"name": "nothing"},
    "labelling": LabellingConfig(**settings),
    "tree": {
      "name": "cr_planner",
      "documents": documents,
      "answer": ANSWER,
      **reference.SIZES,
    },
    **changes,
  }
  return resolve(tiny.config(folder / "run", **made))


@pytest.fixture(scope="module")
def labeller(tmp_path_factory, documents):
  run, state = build(config(tmp_path_factory.mktemp("plans"), documents))
  with verifiers(run) as pool, inquire(run, pool, state.params, Counter()) as inquiry:
    yield label_lib.Labeller(run, pool, state.params, Counter(), inquiry)


def planner_of(labeller, documents, problems=None):
  numbered = problems or [*enumerate(labeller.run.task.train[:PROBLEMS])]
  grower = grow.start(labeller, numbered)
  return plans.planner(grower, documents=documents, samples=3, answer=ANSWER)


# --- what a plan may be -------------------------------------------------------------


def test_sub_goals_that_are_legal(labeller, documents):
  one = planner_of(labeller, documents)
  assert one.goals(()) == ["Reason:", "Query:"]
  assert one.goals(("Query: a\n",)) == ["Reason:", "Query:", "Document:"]
  assert one.goals(("Query: ?\n",)) == ["Reason:", "Query:"]  # it finds nothing
  found = one.documents(("Query: a\n",))
  assert found == ["Document: a b c\n", "Document: a m y\n"]
  # The latest query counts, and what the plan has is not found again.
  assert one.documents(("Query: a\n", found[0])) == found[1:]
  assert one.goals(("Query: a\n", *found)) == []  # as many lines as there may be
  assert one.documents(("Query: a\n", "Query: ?\n")) == []
  assert one.goals((f"Reason: 1{ANSWER}\n",)) == []
  assert one.goals((f"Query: {ANSWER}\n",)) != []  # an answer is reasoned
  assert one.goals(("Reason: " + 60 * "x" + "\n",)) == []  # no room


def test_lines_begin_with_their_sub_goal_and_are_counted(labeller, documents):
  one = planner_of(labeller, documents)
  asked = [(0, (), "Reason:"), (1, ("Query: a\n",), "Document:"), (2, (), "Query:")]
  found = one.execute(asked, [0, 1, 2], count=3)
  assert [len(lines) for lines in found] == [3, 2, 3]
  for (_, _, goal), lines in zip(asked, found, strict=True):
    for line in lines:
      assert line.startswith(goal) and line.endswith("\n") and line.count("\n") == 1
  assert one.grower.tokens == {0: 3, 2: 3}
  assert one.execute(asked[:1], [0], count=3) == found[:1]  # its number is its chance
  assert one.execute(asked[:1], [7], count=3) != found[:1]


def test_a_corpus_that_is_not_there(labeller):
  with pytest.raises(UserError, match="no such file of documents"):
    planner_of(labeller, "nowhere.jsonl")


# --- trees --------------------------------------------------------------------------


def world(labeller, documents, numbered):
  """What the reference may ask, of one problem alone and of one node at a time."""
  one = planner_of(labeller, documents, [numbered])
  return types.SimpleNamespace(
    goals=one.goals,
    execute=lambda number, plan, goal, count: one.execute(
      [(0, plan, goal)], [number], count=count
    )[0],
    rollout=lambda number, plan: plan_nodes.rollouts(
      one, [Ask(0, number, Node(texts=plan))]
    )[0],
  )


@pytest.mark.parametrize("hparams", reference.CASES)
def test_pairs_equal_a_plain_recomputation(labeller, documents, hparams):
  tree = {**labeller.run.config.tree, **hparams}
  numbered = [*enumerate(labeller.run.task.train[:PROBLEMS])]
  got = pick("prm/trees", **tree)(labeller, numbered)
  kinds = Counter()
  for problem, (written,) in zip(numbered, got, strict=True):
    where = world(labeller, documents, problem)
    expected = reference.cr_planner(where, **{**reference.SIZES, **hparams})
    lines = written.pairs
    found = [
      (a.about["critic"], a.steps, b.steps)
      for a, b in zip(lines[::2], lines[1::2], strict=True)
    ]
    assert sorted(found) == sorted(expected)
    assert all(one.labels[-1] == one.outcome for one in lines)
    assert all(
      a.about["value"] > b.about["value"]
      for a, b in zip(lines[::2], lines[1::2], strict=True)
    )
    kinds.update(kind for kind, _, _ in found)
  assert {"goal", "reason", "query"} <= set(kinds), kinds


def test_rollouts_are_whole_plans(labeller, documents):
  one = planner_of(labeller, documents)
  asks = [Ask(i % 3, 50 + i, Node(texts=())) for i in range(12)]
  seen = plan_nodes.rolled_out(one, asks)
  assert len(seen) == 12 and len(set(seen)) > 6
  assert {line.split()[0] for plan in seen for line in plan} >= {"Reason:", "Query:"}
  for plan in seen:
    assert plan and one.goals(plan) == []
    for i, line in enumerate(plan):
      assert any(line.startswith(goal) for goal in one.goals(plan[:i]))


# --- from a file of pairs to a search -----------------------------------------------


def test_critics_are_trained_on_their_pairs_and_plan(
  labeller, documents, tmp_path, capsys
):
  path = tmp_path / "pairs.jsonl"
  counts = label_lib.label(labeller.run, labeller.pool, labeller.params, path)
  lines = read(path)
  asked = {one.id: labeller.run.task.messages(one) for one in labeller.run.task.train}
  assert all(list(one.messages) == asked[one.problem] for one in lines)
  of = {
    name: [one for one in lines if one.about["critic"] == name]
    for name in ("goal", "reason", "query", "retrieve")
  }
  for name, pairs in of.items():
    assert counts.get(f"pairs_{name}", 0) * 2 == len(pairs)
  text = path.read_text()
  again = label_lib.label(labeller.run, labeller.pool, labeller.params, path)
  assert again["problems_done_before"] == len({one.problem for one in lines})
  assert path.read_text() == text
  task = step_pairs(path=str(path), critic="query", test_fraction=0.5)
  asked = [*task.train, *task.test]
  assert len(asked) == counts["pairs_query"]
  assert all(p.data["solutions"][0]["steps"][-1].startswith("Query:") for p in asked)
  with pytest.raises(UserError, match="no pair of critic 'rationale', but of goal"):
    step_pairs(path=str(path), critic="rationale")

  critics = {name: critic(tmp_path, path, name) for name in ("goal", "query")}
  critics |= {"reason": critics["query"], "retrieve": critics["query"]}
  search = {"name": "cr_planner", **critics, "documents": documents, "answer": ANSWER}
  run = config(tmp_path, documents, search=search, tree={"name": "none"})
  found = tmp_path / "found.jsonl"
  searching = dataclasses.replace(
    run.searching, batch_problems=2, split="train", write=str(found)
  )
  saved = tmp_path / "config.json"
  saved.write_text(to_json(dataclasses.replace(run, searching=searching)))
  capsys.readouterr()  # what training has said
  assert cli.main(["search", str(saved)]) == 0
  shown = json.loads(capsys.readouterr().out)
  assert shown["problems"] == PROBLEMS and shown["unscored"] == 0
  assert 0 < shown["tokens"] <= 3 * 3 * 3  # one of each of three tries a line
  assert shown["written"] == round(shown["finished"] * PROBLEMS)


def test_every_critic_judges_its_own_kind(labeller, documents, monkeypatch):
  loaded, seen = {}, []

  def load(directory):
    return loaded.setdefault(directory, object.__new__(StepScorer))

  def plan(one, critics):
    seen.append(critics)
    return [(f"Reason: {plot}\n", f"Reason: {ANSWER}\n") for plot in range(PROBLEMS)]

  monkeypatch.setattr("jaxrl.search.strategies.cr_planner.load", load)
  monkeypatch.setattr(plans, "plan", plan)
  kinds = {name: f"runs/{name}" for name in ("goal", "reason", "query", "retrieve")}
  numbered = [*enumerate(labeller.run.task.train[:PROBLEMS])]
  host = Host(labeller.run, labeller.pool, labeller.params, numbered)
  strategy = pick("search/strategies", "cr_planner", **kinds, documents=documents)
  found = strategy(host)
  assert [one.text for one in found] == [
    f"Reason: {plot}\nReason: {ANSWER}\n" for plot in range(PROBLEMS)
  ]
  assert all(critics.keys() == kinds.keys() for critics in seen)
  for name, directory in kinds.items():
    assert all(critics[name] is loaded[directory] for critics in seen)


def critic(folder, path, name):
  """The run directory of a critic after a step."""
  return str(
    loop.fit(
      tiny.prm_config(
        folder / name,
        steps=1,
        task={
          "name": "step_pairs",
          "path": str(path),
          "critic": name,
          "test_fraction": 0.5,
        },
        group_size=2,
        prompts_per_step=2,
        explore={"name": "recorded", "train": "responses"},
        loss={"name": "prm/objectives/bradley_terry"},
        reduction={"name": "sequence_mean"},
        evaluation=EvaluationConfig(problems=4, batch_rows=4),
        sampling=SamplingConfig(
          max_prompt_tokens=8, max_response_tokens=56, prompt_bucket_tokens=8
        ),
      )
    )
  )


def test_a_constant_changes_no_loss_and_a_scale_no_execution(labeller, documents):
  draw = np.random.default_rng(0)
  z = jnp.asarray(draw.normal(size=(4, 3)), jnp.float32)
  mask, score = jnp.ones((4, 3)), jnp.array([1.0, 0.0, 1.0, 0.0])
  of = lambda z: bradley_terry(z, score, jnp.array([0, 0, 1, 1]), mask)[0]
  np.testing.assert_allclose(of(z + 5), of(z), atol=1e-5)
  assert float(jnp.max(jnp.abs(of(3 * z) - of(z)))) > 1e-2

  critics = {name: head_of(i) for i, name in enumerate(("goal", *NAMES))}
  planned = lambda **changed: plans.plan(
    planner_of(labeller, documents), {**critics, **changed}
  )
  first = planned()
  assert max(map(len, first)) > 1
  for name in ("goal", *NAMES):
    assert planned(**{name: changed_head(critics[name], shift=0.7)}) == first
  assert planned(goal=changed_head(critics["goal"], scale=3.0)) == first
  for name in ("goal", "reason"):
    assert planned(**{name: changed_head(critics[name], scale=-1.0)}) != first


NAMES = tuple(plans.CRITICS.values())


def head_of(seed):
  """A critic with a head of its own, drawn at random."""
  scorer = load(tiny.prm_directory())
  draw = lambda x: jax.random.normal(jax.random.key(seed), x.shape) / 4
  head = jax.tree.map(draw, scorer.params["step_head"])
  return dataclasses.replace(scorer, params={**scorer.params, "step_head": head})


def changed_head(scorer, *, scale=1.0, shift=0.0):
  """The critic whose numbers are scaled, and shifted by a constant."""
  moved = lambda path, x: scale * x + shift * (path[-1].key == "bias")
  head = jax.tree_util.tree_map_with_path(moved, scorer.params["step_head"])
  return dataclasses.replace(scorer, params={**scorer.params, "step_head": head})


def test_a_score_does_not_depend_on_the_plans_beside_it(labeller, documents):
  scorer = load(tiny.prm_directory())
  one = planner_of(labeller, documents)
  found = [("Query:",), ("Reason:",), ("Query: a\n", "Reason:")]
  together = one.scores(scorer, [0, 1, 2], found)
  alone = [one.scores(scorer, [i], [plan])[0] for i, plan in enumerate(found)]
  np.testing.assert_allclose(together, alone, atol=1e-6)
