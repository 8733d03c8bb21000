"""Weights of rows are learnt through the step that they weigh."""

import dataclasses
import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrl import loop, pick
from jaxrl.build import build
from jaxrl.checkpoints import Checkpoints
from jaxrl.config import EvaluationConfig
from jaxrl.errors import UserError
from jaxrl.explore.recorded import recorded
from jaxrl.metrics import read_jsonl
from jaxrl.objective import Objective
from jaxrl.prm.bilevel import Reweighting
from jaxrl.prm.known_outcomes import known_outcomes
from jaxrl.tasks.token_arithmetic import token_arithmetic
from jaxrl.train_step import (
  init_state,
  make_gradient,
  make_optimizer,
  make_row_slopes,
  make_train_step,
)
from jaxrl.types import PolicyOutputs, TrainState
from tests import tiny
from tests.batches import rollouts

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
RATE = 0.7


def meta_task(path):
  return {"name": "labelled_steps", "path": str(path)}


def config(directory, *, path=None, **changes):
  path = path or two_sources(pathlib.Path(directory))
  settings = {
    "task": meta_task(path),
    "meta": meta_task(path),
    "reweighting": ({"name": "dreamprm"},),
    "loss": {"name": "prm/objectives/step_mse"},
    "optimizer": {"name": "sgd"},
    "meta_optimizer": {"name": "sgd"},
    "meta_schedule": {"name": "constant", "learning_rate": 1.0},
    "schedule": {"name": "constant", "learning_rate": RATE},
    "max_grad_norm": 0.0,
    "evaluation": EvaluationConfig(problems=0),
  }
  return tiny.prm_config(pathlib.Path(directory) / "run", **{**settings, **changes})


def two_sources(folder):
  """Solutions of two domains; in the second one all labels are the wrong way round."""
  found = pathlib.Path(tiny.labelled_path()).read_text().splitlines()
  path = folder / "mixed.jsonl"
  lines = []
  for number, line in enumerate(found):
    one = json.loads(line)
    one["source"] = "flipped" if number % 2 else "clean"
    if number % 2:
      one["labels"] = [None if y is None else 1 - y for y in one["labels"]]
    lines.append(json.dumps(one))
  folder.mkdir(parents=True, exist_ok=True)
  path.write_text("\n".join(lines) + "\n")
  return path


# --- the derivative -----------------------------------------------------------------


def toy(micro_batches=1):
  """(parts, step) on a model of three numbers; all of it in the precision of inputs."""

  def forward(params, frozen, batch, needs):
    del frozen, needs
    x = batch.noise
    z = params["w"][0] + params["w"][1] * x + params["w"][2] * x**2
    return PolicyOutputs(step_logits=z)

  reduction = pick.pick("reductions", "token_mean")
  lower = Objective(pick.pick("prm/objectives", "step_mse"), reduction)
  upper = Objective(
    pick.pick("prm/objectives", "outcome_of_log_odds"),
    pick.pick("reductions", "sequence_mean"),
  )
  optimizer = make_optimizer(optax.sgd(RATE), max_grad_norm=0.0)
  parts = Reweighting(
    rule=pick.pick("prm/reweighting", "dreamprm"),
    domains=("a", "b", "c"),
    instances=0,
    task=token_arithmetic(max_operand=9),
    known=(),
    optimizer=make_optimizer(optax.sgd(1.0), max_grad_norm=0.0),
    meta_gradient=make_gradient(forward, upper, micro_batches=micro_batches),
    row_slopes=make_row_slopes(forward, lower, micro_batches=micro_batches),
    outputs=None,
  )
  inner = make_train_step(forward, lower, optimizer, micro_batches=micro_batches)
  state = init_state({"w": jnp.asarray([0.3, -1.0, 0.5])}, optimizer, lower)
  return parts, jax.jit(parts.around(inner)), state


def toy_rows(seed):
  rows, _ = rollouts(seed)
  rng = np.random.default_rng(seed)
  shape = rows.mask.shape
  double = lambda x: jnp.asarray(x, jnp.float64)
  return rows.replace(
    mask=double(rows.mask),
    noise=double(rng.normal(size=shape)),
    step_labels=double(rng.uniform(size=shape)),
    score=double(rng.integers(0, 2, size=shape[0])),
    domain=jnp.asarray(np.arange(shape[0]) % 3),
    logp_old=None,
  )


def learner(parts, u):
  made = {"domain_weights": u}
  zero = jnp.zeros((), jnp.int32)
  return {"reweighting": TrainState(zero, made, parts.optimizer.init(made), {})}


def test_the_derivative_is_that_through_the_step():
  """In double precision, of a small model, for every way of cutting the batch."""
  with jax.enable_x64(True):
    batch, meta = toy_rows(0), toy_rows(1)
    u = jnp.asarray([0.4, -0.3, 0.1])

    def after(u, parts, step, state):
      return step(state.replace(beside=learner(parts, u)), {}, batch, meta)

    found = []
    for micro_batches in (1, 2):
      made = toy(micro_batches)
      moved, metrics = after(u, *made)
      found.append(u - moved.beside["reweighting"].params["domain_weights"])
    np.testing.assert_allclose(*found, rtol=1e-10)
    upper = lambda u: float(after(u, *made)[1]["meta_loss"])
    h = 1e-5
    slopes = [
      (upper(u.at[k].add(h)) - upper(u.at[k].add(-h))) / (2 * h) for k in range(3)
    ]
    assert min(map(abs, slopes)) > 1e-5
    np.testing.assert_allclose(RATE * found[0], slopes, rtol=1e-6)
    np.testing.assert_allclose(metrics["row_weight_most"] > 1, True)


def real(tmp_path, **changes):
  """(run, state with a head that says something, batch, meta) of the tiny model."""
  run, state = build(config(tmp_path, **changes))
  heads = state.params["step_head"]
  keys = jax.random.split(jax.random.key(5), len(jax.tree.leaves(heads)))
  leaves, tree = jax.tree.flatten(heads)
  moved = [x + jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
  params = {**state.params, "step_head": jax.tree.unflatten(tree, moved)}
  problems = run.task.train[:16]
  drawn = recorded(run, None, None, problems, jax.random.key(0), 1, 0)
  meta = known_outcomes(run, 1)
  return run, state.replace(params=params), run.packed(drawn.batch), meta


@pytest.mark.parametrize("packed", [False, True])
def test_the_derivative_of_a_real_model(tmp_path, packed):
  """Along the derivative, by finite differences through whole training steps."""
  layout = {"micro_batch_tokens": 96, "packed_row_tokens": 48} if packed else {}
  run, state, batch, meta = real(tmp_path, **layout)
  step = jax.jit(run.train_step.__wrapped__)

  def after(u):
    beside = state.beside["reweighting"]
    beside = beside.replace(params={"domain_weights": u})
    return step(state.replace(beside={"reweighting": beside}), {}, batch, meta)

  u = jnp.zeros(2)
  moved, _ = after(u)
  grads = u - moved.beside["reweighting"].params["domain_weights"]
  upper = lambda u: float(after(u)[1]["meta_loss"])
  h = 0.03 * grads / jnp.linalg.norm(grads)
  slope = (upper(u + h) - upper(u - h)) / (2 * 0.03)
  assert abs(slope) > 1e-4
  np.testing.assert_allclose(slope, RATE * jnp.linalg.norm(grads), rtol=0.03)


def test_equal_weights_train_as_no_weights(tmp_path):
  run, state, batch, _ = real(tmp_path)
  plain, _ = build(config(tmp_path, reweighting=()))
  weighted, metrics = jax.jit(run.train_step.__wrapped__)(state, {}, batch)
  alone, _ = jax.jit(plain.train_step.__wrapped__)(state, {}, batch)
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
  jax.tree.map(close, weighted.params, alone.params)
  assert metrics["row_weight_least"] == metrics["row_weight_most"] == 1.0
  jax.tree.map(close, weighted.beside, state.beside)  # without rows to learn from


# --- whole runs ---------------------------------------------------------------------


def saving(made):
  """The same run, with all of its checkpoints."""
  every = {"checkpoint_every_steps": 3, "keep_checkpoints": made.steps}
  return dataclasses.replace(made, output=dataclasses.replace(made.output, **every))


def final(made):
  _, state = build(made)
  with Checkpoints(pathlib.Path(made.output.directory), keep=1) as saved:
    restored = saved.restore(state, made)
  assert restored is not None
  return restored[0]


LEARNS = {
  "optimizer": {"name": "adamw"},
  "schedule": {"name": "constant", "learning_rate": 3e-3},
  "meta_optimizer": {"name": "adamw"},
  "meta_schedule": {"name": "constant", "learning_rate": 0.2},
}


def test_a_domain_of_flipped_labels_loses_weight(tmp_path):
  meta = meta_task(tiny.labelled_path(count=60))
  made = config(tmp_path, steps=20, meta=meta, **LEARNS)
  loop.fit(made)
  clean, flipped = final(made).beside["reweighting"].params["domain_weights"]
  assert flipped < -0.3 and clean > 0.3
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  assert rows[0]["row_weight_least"] == 1.0 > rows[-1]["row_weight_least"]


def test_flipped_solutions_lose_weight_in_a_table(tmp_path):
  made = config(
    tmp_path,
    steps=30,
    meta=meta_task(tiny.labelled_path(count=60)),
    reweighting=({"name": "dreamprm_1_5_table"},),
    loss={"name": "prm/objectives/step_ce"},
    meta_loss={"name": "outcome_of_mean"},
    readout={"name": "class_share"},
    **LEARNS,
  )
  loop.fit(made)
  table = np.asarray(final(made).beside["reweighting"].params["instance_weights"])
  assert table.shape == (200,)
  run, _ = build(made)
  of = {"clean": [], "flipped": []}
  for problem in run.task.train:
    of[problem.source] += [table[s["number"]] for s in problem.data["solutions"]]
  moved = np.asarray(of["clean"] + of["flipped"]) != 1.0
  assert moved.mean() > 0.5, "few solutions were seen"
  assert np.mean(of["flipped"]) < np.mean(of["clean"]) - 0.1


def test_weights_move_when_they_are_due_and_a_resumed_run_is_the_same(tmp_path):
  changes = {
    "reweighting": ({"name": "dreamprm_1_5_net"},),
    "loss": {"name": "prm/objectives/step_ce"},
    "meta_loss": {"name": "outcome_of_mean"},
    "readout": {"name": "class_share"},
    "meta_every": 2,
    "meta_after": 1,
    **LEARNS,
  }
  path = two_sources(tmp_path)
  whole, part = (
    saving(config(tmp_path / name, path=path, steps=5, **changes))
    for name in ("whole", "part")
  )
  loop.fit(whole)
  # What a run that was killed behind its third step leaves: its weights have moved.
  shutil.copytree(tmp_path / "whole", tmp_path / "part")
  shutil.rmtree(tmp_path / "part" / "run" / "checkpoints" / "5")
  loop.fit(part)
  states = final(whole), final(part)
  for a, b in zip(*map(jax.tree.leaves, states), strict=True):
    np.testing.assert_array_equal(a, b)
  assert states[0].beside["reweighting"].step == 2
  rows = read_jsonl(tmp_path / "whole" / "run" / "metrics.jsonl")
  assert ["meta_loss" in row for row in rows] == [False, False, True, False, True]
  again = read_jsonl(tmp_path / "part" / "run" / "metrics.jsonl")
  taken = [r["seconds"] != s["seconds"] for r, s in zip(rows, again, strict=True)]
  assert taken == [False, False, False, True, True], "the last two were taken again"


def test_the_schedule_of_the_weights_ends_with_their_last_step(tmp_path):
  """Three of eight batches are due, of two mini-batches in each of two epochs."""
  made = config(
    tmp_path,
    steps=8,
    mini_batches=2,
    epochs_per_batch=2,
    meta_after=2,
    meta_every=2,
    meta_schedule={"name": "linear", "learning_rate": 1.0},
  )
  run, _ = build(made)
  due = [step for step in range(1, 9) if known_outcomes(run, step) is not None]
  assert due == [4, 6, 8]
  optimizer, ones = run.reweighting.optimizer, {"domain_weights": jnp.ones(2)}
  state, rates = optimizer.init(ones), []
  for _ in range(13):
    updates, state = optimizer.update(ones, state)
    rates.append(-float(updates["domain_weights"][0]))
  np.testing.assert_allclose(rates, [1 - i / 12 for i in range(13)], atol=1e-6)


def test_rows_know_their_domain_and_their_solution(tmp_path):
  run, _ = build(config(tmp_path))
  assert run.reweighting.domains == ("clean", "flipped")
  problems = run.task.train[:5]
  batch = recorded(run, None, None, problems, jax.random.key(0), 2, 0).batch
  expected = [int(p.source == "flipped") for p in problems for _ in range(2)]
  assert np.asarray(batch.domain).tolist() == expected
  numbers = [p.data["solutions"][0]["number"] for p in problems]
  assert np.asarray(batch.instance)[::2].tolist() == numbers


def test_known_outcomes_mark_every_step_and_differ_from_step_to_step(tmp_path):
  run, _ = build(config(tmp_path))
  one, again, other = (known_outcomes(run, step) for step in (1, 1, 2))
  np.testing.assert_array_equal(one.tokens, again.tokens)
  assert np.any(np.asarray(one.tokens) != np.asarray(other.tokens))
  steps = np.asarray(one.steps).max(axis=1) + 1
  np.testing.assert_array_equal(np.asarray(one.mask).sum(axis=1), steps)


def test_what_cannot_be_reweighted_is_said(tmp_path):
  rule = {"name": "dreamprm"}
  with pytest.raises(UserError, match="name one"):
    build(config(tmp_path, reweighting=(rule, rule)))
  model = dataclasses.replace(config(tmp_path).model, compute_dtype="bfloat16")
  with pytest.raises(UserError, match="compute_dtype"):
    build(config(tmp_path, model=model))
  lines = [json.loads(line) for line in two_sources(tmp_path).read_text().splitlines()]
  path = tmp_path / "unknown.jsonl"
  path.write_text("".join(json.dumps(x | {"outcome": None}) + "\n" for x in lines))
  with pytest.raises(UserError, match="has an outcome"):
    build(config(tmp_path, meta=meta_task(path)))
