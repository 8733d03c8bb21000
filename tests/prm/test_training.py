"""A process reward model from a file of labels: its rows, its training, its use."""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import cli, loop
from jaxrl import config as config_lib
from jaxrl.build import build
from jaxrl.config import EvaluationConfig
from jaxrl.errors import UserError
from jaxrl.explore.recorded import recorded, rows_of
from jaxrl.metrics import read_jsonl
from jaxrl.models.cache import EMPTY
from jaxrl.pick import pick
from jaxrl.prm import ensemble, score_steps
from jaxrl.prm.error_types import KINDS
from jaxrl.prm.solutions import Solution, to_line
from jaxrl.prm.written import of_problem
from jaxrl.problems import Problem, chat, from_json, to_json
from jaxrl.tasks.token_arithmetic import token_arithmetic
from tests import tiny

STEPS = ("ab\n", "xc\n", "d")


def config(tmp_path, **changes):
  return tiny.prm_config(tmp_path / "run", **changes)


def one(steps=STEPS, labels=(1.0, 0.25, None), outcome=0.0):
  return {"steps": list(steps), "labels": list(labels), "outcome": outcome}


def rows(tmp_path, found, **options):
  run, _ = build(config(tmp_path))
  problems = [run.task.train[0]] * len(found)
  return run, rows_of(run, problems, found, **{"train": "steps", **options})


def test_a_step_is_read_at_the_token_behind_it(tmp_path):
  run, batch = rows(tmp_path, [one(), one(labels=(None, None, 1.0)), None])
  text = run.tokenizer.decode
  start = int(batch.prompt_tokens[0])
  tokens = np.asarray(batch.tokens)
  assert text(tokens[0, start : start + 7].tolist()) == "ab\nxc\nd"
  assert tokens[0, start + 7] == run.tokenizer.eos_id
  marks = [np.flatnonzero(m) - start for m in np.asarray(batch.mask)]
  assert [m.tolist() for m in marks] == [[3, 6], [7], []]
  labels = np.asarray(batch.step_labels)
  assert labels[0, start + 3] == 1.0 and labels[0, start + 6] == 0.25
  steps = np.asarray(batch.steps)[0, start : start + 9]
  assert steps.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, -1]
  assert np.asarray(batch.scored).tolist() == [1.0, 1.0, 0.0]
  assert (np.asarray(batch.positions)[:, start + 8 :] == EMPTY).all()


def test_responses_train_on_every_token_where_the_outcome_is_known(tmp_path):
  _, batch = rows(tmp_path, [one(), one(outcome=None)], train="responses")
  assert np.asarray(batch.mask).sum(1).tolist() == [8.0, 8.0]
  assert np.asarray(batch.scored).tolist() == [1.0, 0.0]


def test_what_is_too_long_is_cut_and_counted(tmp_path):
  long = one(("ab\n",) * 6, (1.0,) * 6)  # 18 tokens, of which 13 and a stop token fit
  _, batch = rows(tmp_path, [long])
  assert np.asarray(batch.truncated).tolist() == [1.0]
  assert np.asarray(batch.mask).sum() == 4
  _, whole = rows(tmp_path, [long], train="responses")
  assert np.asarray(whole.mask).sum() == 13, "a stop that is none must not train"


def test_two_steps_that_end_in_one_token_take_the_lower_label(tmp_path, monkeypatch):
  from jaxrl.explore import recorded as module

  monkeypatch.setattr(module, "tokenize", lambda t, steps: ([65, 66, 67], [1, 1, 2]))
  _, batch = rows(tmp_path, [one(labels=(1.0, 0.25, 1.0))])
  start = int(batch.prompt_tokens[0])
  assert np.asarray(batch.step_labels)[0, start + 2 : start + 4].tolist() == [0.25, 1]


def test_problems_without_enough_solutions_give_rows_that_do_not_train(tmp_path):
  run, _ = build(config(tmp_path))
  drawn = recorded(run, None, None, run.task.train[:3], jax.random.key(0), 2, 0)
  assert np.asarray(drawn.batch.group).tolist() == [0, 0, 1, 1, 2, 2]
  assert np.asarray(drawn.batch.scored).tolist() == [1, 0, 1, 0, 1, 0]
  with pytest.raises(UserError, match="hold no solutions"):
    other = dataclasses.replace(
      run.task, train=[dataclasses.replace(run.task.train[0], data={})]
    )
    run = dataclasses.replace(run, task=other)
    recorded(run, None, None, other.train, jax.random.key(0), 1, 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """The directory of a trained model, packed rows and a head with a layer below."""
  folder = tmp_path_factory.mktemp("prm")
  base = config(folder)
  made = config(
    folder,
    steps=60,
    micro_batch_tokens=96,
    packed_row_tokens=48,
    model=dataclasses.replace(base.model, step_head_hidden=16),
    schedule={"name": "constant", "learning_rate": 3e-3},
  )
  return loop.fit(made)


def test_a_model_of_steps_learns_which_are_wrong(trained):
  found = read_jsonl(trained / "metrics.jsonl")
  evaluated = [row for row in found if row["kind"] == "eval"]
  assert [row["step"] for row in evaluated] == [0, 60]
  first, last = evaluated
  assert first["step_auroc"] == 0.5, "a new head calls all steps alike"
  assert last["step_auroc"] > 0.95 and last["process_bench_f1"] > 0.8
  trains = [row for row in found if row["kind"] == "train"]
  assert "sampler_gap" not in trains[0] and trains[-1]["loss"] < trains[0]["loss"]


def test_the_command_evaluates_steps_as_training_did(trained, capsys):
  last = [r for r in read_jsonl(trained / "metrics.jsonl") if r["kind"] == "eval"][-1]
  assert cli.main(["evaluate", str(trained)]) == 0
  again = json.loads(capsys.readouterr().out)
  for name in ("step", "step_auroc", "process_bench_f1", "brier", "problems"):
    assert again[name] == last[name]


def test_scores_stand_on_the_last_tokens_of_steps(trained, tmp_path):
  scorer = score_steps.load(str(trained))
  run, _ = build(config(tmp_path))
  _, batch = rows(tmp_path, [one(), one(("ab\n", "bc\n"), (1.0, 1.0))])
  inside = jnp.where(batch.steps >= 0, 1.0, 0.0)
  batch = dataclasses.replace(batch, mask=inside, logp_old=inside, logp_sampling=inside)
  cut = score_steps.cut_rows(run, batch)
  np.testing.assert_array_equal(cut.steps, batch.steps)
  scored = score_steps.score_rows(scorer, cut)
  start = int(batch.prompt_tokens[0])
  places = [np.flatnonzero(x) - start for x in np.asarray(scored.step_scored)]
  assert [p.tolist() for p in places] == [[2, 5, 7], [2, 6]]
  scores = np.asarray(scored.step_scores)[:, start:]
  assert min(scores[0, 2], scores[1, 2]) > scores[0, 5] + 0.2 > 0.2
  # The same numbers as those that are read behind each step.
  read = dataclasses.replace(
    batch, mask=jnp.zeros_like(inside).at[0, start + 3].set(1.0)
  )
  np.testing.assert_allclose(scorer(read)[0, start + 3], scores[0, 2], rtol=1e-5)
  # A step is read with all of its prompt: bit for bit the same without it.
  for place in range(start):
    tokens = batch.tokens.at[0, place].set(ord("!"))
    other = dataclasses.replace(batch, tokens=tokens)
    moved = score_steps.score_rows(scorer, score_steps.cut_rows(run, other))
    assert np.asarray(moved.step_scores)[0, start + 2] != scores[0, 2], place


def test_a_model_reads_a_problem_as_the_task_asks_it_that_it_is_of(trained):
  solved = dataclasses.replace(
    token_arithmetic(max_operand=9), messages=lambda p: chat(f"{p.question} Go.", "Sh.")
  )
  scorer = ensemble.load(str(trained), solved, batch_rows=1).scorer
  base = scorer.run.config
  chatting = dataclasses.replace(
    base,
    model=dataclasses.replace(base.model, chat=True),
    sampling=dataclasses.replace(base.sampling, max_prompt_tokens=128),
    micro_batch_tokens=0,
    packed_row_tokens=0,
  )
  run, problem = dataclasses.replace(scorer.run, config=chatting), solved.train[0]
  batch = rows_of(run, [problem], [one()], train="steps")
  prompt = np.asarray(batch.tokens)[0, : int(batch.prompt_tokens[0])].tolist()
  assert prompt == run.tokenizer.chat(solved.messages(problem))


def test_a_truncated_response_has_no_score_for_its_last_step():
  steps = jnp.array([[-1, 0, 0, 1, 1, -1], [-1, 0, 0, 1, 1, -1]])
  got = score_steps.last_tokens(steps, jnp.array([0.0, 1.0]))
  assert got.tolist() == [[0, 0, 1, 0, 1, 0], [0, 0, 1, 0, 0, 0]]


def test_a_step_that_a_tools_output_interrupts_ends_once():
  steps = jnp.array([[0, 0, -1, -1, 0, 1, 1, -1, -1]])
  got = [score_steps.last_tokens(steps, jnp.array([cut])) for cut in (0.0, 1.0)]
  assert got[0].tolist() == [[0, 0, 0, 0, 1, 0, 1, 0, 0]]
  assert got[1].tolist() == [[0, 0, 0, 0, 1, 0, 0, 0, 0]]


def test_step_scores_reward_a_policy(trained, tmp_path):
  made = tiny.config(
    tmp_path / "rl",
    steps=2,
    prm=str(trained),
    cut={"name": "fixed_length", "tokens": 2},
    rewards=({"name": f"{tiny.OWN}:mean_step_score"},),
    evaluation=EvaluationConfig(problems=0),
  )
  loop.fit(made)
  found = read_jsonl(tmp_path / "rl" / "metrics.jsonl")
  assert all(0 < row["reward"] < 1 and row["scored_steps"] > 0.5 for row in found)
  assert max(row["grad_norm"] for row in found) > 1e-6


def test_what_a_prm_is_not_is_said(tmp_path):
  with pytest.raises(UserError, match="no run directory"):
    score_steps.load(str(tmp_path))
  with pytest.raises(UserError, match="prm to the run directory"):
    build(
      tiny.config(tmp_path / "rl", rewards=({"name": f"{tiny.OWN}:mean_step_score"},))
    )


def test_heads_of_two_sizes_are_an_error(tmp_path):
  made = config(
    tmp_path,
    loss={"name": "prm/objectives/step_ce"},
    regularizers=({"name": "prm/objectives/freeprm"},),
  )
  with pytest.raises(UserError, match="step heads of"):
    build(made)


OF_SAMPLES = {
  "labelled_steps",
  "hierarchical_steps",
  "step_pairs",
  "error_typed_steps",
}
PROGRAM = {"text": "Add.", "code": "pass", "test_list": ["assert add(1, 1) == 2"]}


def sums(specs, draws, *_):
  """In place of what reasoning_gym draws, in seconds, in a process of its own."""
  data = {"entry": {"answer": "0", "metadata": {}}}
  return [Problem(f"{i}", "sums", f"{i} - {i} =", "0", data) for i in range(60)]


def some_of(task):
  return [*task.train[:40], *task.test[:20]]  # both sides, at any share


@functools.cache
def sampled(spec, folder):
  """A task whose problems are solved, with a file of two solutions to each of some."""
  spec = from_json(spec)
  if "train_path" in spec:
    programs = [{**PROGRAM, "text": f"Add {i}."} for i in range(60)]
    text = "".join(json.dumps(one) + "\n" for one in programs)
    (folder / "programs.jsonl").write_text(text)
    spec |= {"train_path": str(folder / "programs.jsonl"), "test_path": None}
  solved = pick("tasks", **spec)()
  about = {"pair": "0", "critic": "goal"} | {kind: [1] for kind in KINDS}
  lines = [
    Solution(
      **of_problem(solved, problem), steps=("s",), labels=(x,), outcome=x, about=about
    )
    for problem in some_of(solved)
    for x in (1.0, 0.0)
  ]
  path = folder / f"{len(list(folder.iterdir()))}.jsonl"
  path.write_text("".join(map(to_line, lines)))
  return solved, str(path)


def test_labels_are_learnt_under_the_prompt_they_were_sampled_for(
  tmp_path, monkeypatch
):
  """Of every config that reads solutions, as labelling has written them."""
  monkeypatch.setattr("jaxrl.tasks.reasoning_gym._draw", sums)
  seen = set()
  for name in config_lib.names():
    loaded = config_lib.load(name)
    if loaded.task["name"] not in OF_SAMPLES:
      continue
    writes = loaded.labels_of
    if name == "search/alphallm_policy":
      writes = config_lib.load("search/alphallm").task
    solved, path = sampled(to_json(writes), tmp_path)
    expected = {one.question: solved.messages(one) for one in some_of(solved)}
    if solved.name == "code_jsonl":
      assert "assert add(1, 1) == 2" in expected["Add 1."][0]["content"]
    for spec in [loaded.task] + [loaded.meta] * bool(loaded.reweighting):
      test = {"test_path": None} if "test_path" in spec else {}
      read = pick("tasks", **{**spec, **test, "path": path})()
      for problem in (*read.train, *read.test):
        assert read.messages(problem) == expected[problem.question], name
    seen.add(name)
  assert len(seen) > 40 and {"prm/code_lines", "prm/hgs_prm"} <= seen
