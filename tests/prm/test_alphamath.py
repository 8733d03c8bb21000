"""AlphaMath's joint loss: on files, in the train step, and in a run."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrl import loop, serve
from jaxrl.build import build
from jaxrl.config import (
  EvaluationConfig,
  LabellingConfig,
  SamplingConfig,
  from_json,
  resolve,
)
from jaxrl.metrics import read_jsonl
from jaxrl.objective import Objective
from jaxrl.packing import pack
from jaxrl.pick import pick
from jaxrl.prm.solutions import Solution, to_line
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from jaxrl.types import PolicyOutputs
from tests import tiny
from tests.batches import rollouts
from tests.references.prm.objectives.alphamath import whole

ROWS, VOCAB = 16, 9
OBJECTIVE = Objective(
  pick("prm/objectives", "alphamath"), pick("reductions", "token_mean")
)


# --- in the train step --------------------------------------------------------------


def forward(params, frozen, batch, needs):
  """A bigram table as policy, a table of the token before as step head."""
  before = jnp.roll(batch.tokens, 1, axis=1)
  logits = jax.nn.log_softmax(params["policy"][before])
  logp = jnp.take_along_axis(logits, batch.tokens[..., None], axis=-1)[..., 0]
  made = {"logp": logp, "step_logits": params["step_head"][before]}
  return PolicyOutputs(**jax.tree.map(lambda x: x * batch.mask, made))


def params():
  keys = jax.random.split(jax.random.key(0))
  return {
    "policy": jax.random.normal(keys[0], (VOCAB, VOCAB)),
    "step_head": jax.random.normal(keys[1], (VOCAB,)),
  }


def batch(**changes):
  """Rows of which some are right; labels within -1..1."""
  rows, _ = rollouts(rows=ROWS)
  rows = rows.replace(
    scored=jnp.ones(ROWS),
    score=jnp.array([1.0, 0, 0, 1, 0, 0, 0, 1] * 2),
    step_labels=2 * rows.step_labels - 1,
    logp_old=None,
  )
  return rows.replace(**changes)


def numbers(rows, given):
  """What the reference says of a batch at some parameters."""
  said = forward(given, {}, rows, ())
  arrays = (said.logp, said.step_logits, rows.step_labels, rows.step_labelled)
  lists = [np.asarray(x, float) for x in (*arrays, rows.mask, rows.score)]
  return whole(*lists)


def step(micro_batches=1):
  optimizer = make_optimizer(optax.sgd(1.0), max_grad_norm=0.0)
  fn = make_train_step(forward, OBJECTIVE, optimizer, micro_batches=micro_batches)
  return jax.jit(fn), init_state(params(), optimizer, OBJECTIVE)


def test_the_loss_is_the_sum_of_two_means():
  fn, state = step()
  rows = batch()
  nll, error = numbers(rows, params())
  after, metrics = fn(state, {}, rows)
  np.testing.assert_allclose(metrics["nll"], nll, rtol=1e-5)
  np.testing.assert_allclose(metrics["value_mse"], error, rtol=1e-5)
  np.testing.assert_allclose(metrics["loss"], nll + 0.1 * error, rtol=1e-5)
  assert 0 <= metrics["step_accuracy"] <= 1
  # The step is along the slope of that sum, in both parts of the model.
  t = int(np.argmax(rows.mask[0]))
  pair = (int(rows.tokens[0, t - 1]), int(rows.tokens[0, t]))
  row, t = np.argwhere(np.asarray(rows.mask * rows.step_labelled))[0]
  read = (int(rows.tokens[row, t - 1]),)
  for name, at in (("policy", pair), ("step_head", read)):
    around = []
    for sign in (1, -1):
      moved = {k: np.asarray(x, np.float64) for k, x in params().items()}
      moved[name][at] += sign * 1e-3
      ce, mse = numbers(rows, jax.tree.map(jnp.asarray, moved))
      around.append(ce + 0.1 * mse)
    slope = (around[0] - around[1]) / 2e-3
    got = params()[name][at] - after.params[name][at]
    np.testing.assert_allclose(got, slope, rtol=2e-2, atol=2e-4)
    assert abs(slope) > 1e-3


def test_wrong_paths_alone_train_the_value_and_no_token():
  fn, state = step()
  after, metrics = fn(state, {}, batch(score=jnp.zeros(ROWS)))
  assert metrics["nll"] == 0 and metrics["value_mse"] > 0
  assert np.isfinite(metrics["loss"])
  np.testing.assert_array_equal(after.params["policy"], params()["policy"])
  assert np.any(after.params["step_head"] != params()["step_head"])


def test_without_labels_only_right_paths_train():
  fn, state = step()
  rows = batch()
  none = batch(step_labelled=jnp.zeros_like(rows.mask))
  after, metrics = fn(state, {}, none)
  np.testing.assert_allclose(metrics["nll"], numbers(rows, params())[0], rtol=1e-5)
  assert metrics["value_mse"] == 0
  np.testing.assert_array_equal(after.params["step_head"], params()["step_head"])


def test_wrong_paths_do_not_thin_out_right_ones():
  """CE is a mean over tokens of right paths, however many wrong ones there are."""
  rows = batch()
  right = rows.score > 0.5
  alone = batch(mask=rows.mask * right[:, None])
  fn, state = step()
  np.testing.assert_allclose(
    fn(state, {}, rows)[1]["nll"], fn(state, {}, alone)[1]["nll"], rtol=1e-5
  )


def test_how_a_batch_is_cut_and_laid_out_changes_nothing():
  fn, state = step()
  rows = batch()
  one, metrics = fn(state, {}, rows)
  cut, _ = step(micro_batches=4)
  arrays = jax.device_get((rows.mask, rows.prompt_tokens, rows.group))
  packing = pack(*arrays, row_tokens=18, rows=3, whole_groups=False)
  assert packing.parts > 1
  for other, more in (
    cut(state, {}, rows),
    fn(state, {}, rows.replace(packing=packing)),
  ):
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6)
    jax.tree.map(close, one.params, other.params)
    close(metrics["loss"], more["loss"])
    close(metrics["value_mse"], more["value_mse"])


# --- on files -----------------------------------------------------------------------


def paths_file(path, outcomes=(1.0, 0.0)):
  """Paths of trees: values within -1..1, one step without any."""
  lines = []
  for i in range(24):
    outcome = outcomes[i % len(outcomes)]
    steps = ("ab\n", "xc\n" if outcome == 0 else "bc\n", "d")
    labels = (0.25 * (-1) ** i, None if i % 3 else -0.5, 2 * outcome - 1)
    lines.append(
      to_line(Solution(str(i), f"{i}?", steps=steps, labels=labels, outcome=outcome))
    )
  path.write_text("".join(lines))
  return str(path)


def config(tmp_path, **changes):
  settings = {
    "task": {"name": "labelled_steps", "path": paths_file(tmp_path / "l.jsonl")},
    "explore": {"name": "recorded", "train": "responses"},
    "loss": {"name": "prm/objectives/alphamath"},
    "readout": {"name": "tanh_value"},
    "prompts_per_step": 8,
    "evaluation": EvaluationConfig(problems=20, batch_rows=8),
  }
  return tiny.prm_config(tmp_path / "run", **{**settings, **changes})


def test_rows_have_all_tokens_and_know_where_steps_end(tmp_path):
  run, _ = build(config(tmp_path))
  rows = run.explore(run, None, None, run.task.train[:8], jax.random.key(0), 1, 0).batch
  said = np.asarray(rows.mask).sum(1)
  assert set(said.tolist()) == {8.0}, "seven bytes and the stop token"
  for row in range(len(said)):
    start = int(rows.prompt_tokens[row])
    places = np.flatnonzero(np.asarray(rows.step_labelled)[row]) - start
    assert places.tolist() in ([3, 7], [3, 6, 7])
    found = np.asarray(rows.step_labels)[row, start + places]
    assert found[-1] == 2 * rows.score[row] - 1 and abs(found[0]) == 0.25


def test_a_path_that_was_cut_does_not_learn_to_stop(tmp_path):
  """Its last step ends where the room does; there is no stop token behind it."""
  narrow = SamplingConfig(
    max_prompt_tokens=8, max_response_tokens=7, prompt_bucket_tokens=8
  )
  run, _ = build(config(tmp_path, sampling=narrow))
  rows = run.explore(run, None, None, run.task.train[:8], jax.random.key(0), 1, 0).batch
  assert np.asarray(rows.truncated).all()
  start = int(rows.prompt_tokens[0])
  assert np.asarray(rows.mask)[:, start : start + 7].sum(1).tolist() == [6.0] * 8


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp("alphamath")
  made = config(
    folder,
    steps=40,
    micro_batch_tokens=96,
    packed_row_tokens=48,
    schedule={"name": "constant", "learning_rate": 3e-3},
  )
  return loop.fit(made)


def test_one_model_learns_to_write_right_paths_and_to_value_them(trained):
  rows = read_jsonl(trained / "metrics.jsonl")
  trains = [row for row in rows if row["kind"] == "train"]
  assert trains[-1]["nll"] < 0.5 * trains[0]["nll"]
  assert trains[-1]["value_mse"] < 0.6 * trains[0]["value_mse"]
  first, last = [row for row in rows if row["kind"] == "eval"]
  assert last["brier"] < first["brier"]


def test_the_run_serves_as_policy_and_value_of_the_next_round(trained, tmp_path):
  again = dataclasses.replace(
    from_json(trained / "config.json"),
    prm=str(trained),
    labels_of={"name": f"{tiny.OWN}:parity_task"},
    cut={"name": "fixed_length", "tokens": 2},
    query={"name": "nothing"},
    labels={"name": "alphamath"},
    tree={"name": "alphamath", "iterations": 4, "children": 2, "depth": 2},
    labelling=LabellingConfig(problems=2, solutions=1, completions=1, batch_prefixes=2),
  )
  path = tmp_path / "2.jsonl"
  counts = serve.label(resolve(again), str(trained), path)
  assert counts["problems"] == 2 and counts["labelled_steps"] > 0
  labels = [
    x for line in path.read_text().splitlines() for x in json.loads(line)["labels"]
  ]
  known = np.array([x for x in labels if x is not None])
  assert np.all(np.abs(known) <= 1)
  # Means of at most 10 answers of +-1, and of V: without a model these are fractions.
  assert np.any(np.abs(known * 2520 - np.round(known * 2520)) > 1e-2)
