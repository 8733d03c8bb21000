"""A head on a frozen model's attention, probabilities or states."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import loop, uncertainty
from jaxrl.build import build
from jaxrl.config import EvaluationConfig
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.metrics import read_jsonl
from jaxrl.models.attention import RECENT
from jaxrl.models.decoder import Decoder
from jaxrl.packing import by_rows
from jaxrl.prm import score_steps
from jaxrl.prm.score_steps import StepScorer
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
KINDS = ("attention", "hidden")


def config(directory, kind="attention", **changes):
  base = tiny.prm_config(directory / "run")
  model = dataclasses.replace(base.model, step_head=kind, uncertainty_width=16)
  settings = {"loss": {"name": "prm/objectives/uheads"}, "model": model}
  return tiny.prm_config(directory / "run", **{**settings, **changes})


def one(*steps):
  return {"steps": list(steps), "labels": [1.0] * len(steps), "outcome": 1.0}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  """A kind's (run, state), built once."""
  folder = tmp_path_factory.mktemp("built")
  return functools.cache(lambda kind="attention": build(config(folder, kind)))


def talking(state):
  """Parameters whose head says something."""
  leaves, tree = jax.tree.flatten(state.params["step_head"])
  rng = np.random.default_rng(3)
  moved = [x + 0.3 * rng.normal(size=x.shape).astype(np.float32) for x in leaves]
  return {**state.params, "step_head": jax.tree.unflatten(tree, moved)}


def rows(run, *found):
  return rows_of(run, [run.task.train[0]] * len(found), found, train="steps")


@functools.cache
def forward(policy):
  """A program for each shape of rows: computed op by op, each op takes one."""
  return jax.jit(lambda *given: policy.forward(*given, ("step_logits",)).step_logits)


def logits(run, params, batch):
  return np.asarray(forward(run.policy)(params, run.frozen, batch))


@functools.cache
def features(decoder, kind):
  """What a head reads."""
  return jax.jit(lambda *given: uncertainty._features(decoder, *given, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_head_trains(built, kind):
  run, state = built(kind)
  assert not jax.tree.leaves(state.params["policy"]) and run.frozen
  assert set(state.params) == {"policy", "step_head"}
  batch = rows(run, one("ab\n", "c\n"))
  np.testing.assert_array_equal(logits(run, state.params, batch), 0.0)
  params = talking(state)

  @jax.jit
  @jax.grad
  def slopes(frozen):
    said = run.policy.forward(params, frozen, batch, ("step_logits",))
    return jnp.sum(said.step_logits**2)

  for leaf in jax.tree.leaves(slopes(run.frozen)):
    np.testing.assert_array_equal(leaf, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_does_not_depend_on_what_follows_nor_on_padding(built, kind):
  run, state = built(kind)
  params = talking(state)
  short, long = one("ab\n", "c\n"), one("ab\n", "c\n", "de\n")
  batch = rows(run, short, long, one("ab\n", "x\n"))
  start = int(batch.prompt_tokens[0])
  said = logits(run, params, batch)[:, start:]
  assert [np.flatnonzero(row).tolist() for row in said] == [[3, 5], [3, 5, 8], [3, 5]]
  np.testing.assert_allclose(said[0, [3, 5]], said[1, [3, 5]], rtol=1e-5)
  np.testing.assert_allclose(said[0, 3], said[2, 3], rtol=1e-5)
  assert abs(said[0, 5] - said[2, 5]) > 1e-4, "a step's own tokens count"
  alone = logits(run, params, rows(run, short))[:, start:]
  np.testing.assert_allclose(alone[0], said[0], rtol=1e-5, atol=1e-6)


def test_layouts_give_the_same_scores(built, tmp_path):
  """Rows one by one, prompts shared, and packed."""
  run, state = built()
  params = talking(state)
  batch = rows(
    run, one("ab\n", "c\n"), one("d\n"), one("ab\n", "cd\n", "e\n"), one("f\n")
  )
  expected = logits(run, params, batch)
  shared = dataclasses.replace(run.policy, responses_per_row=2)
  run_shared = dataclasses.replace(run, policy=shared)
  np.testing.assert_allclose(
    logits(run_shared, params, batch), expected, rtol=1e-4, atol=1e-6
  )
  layout = {"micro_batch_tokens": 96, "packed_row_tokens": 48}
  other, _ = build(config(tmp_path, **layout))
  packed = jax.device_put(other.packed(batch))
  outputs = jax.jit(
    functools.partial(other.policy.outputs_old, needs=("step_logits",), micro_batches=1)
  )
  got = outputs(params, other.frozen, packed)
  np.testing.assert_allclose(got.step_logits, expected, rtol=1e-4, atol=1e-6)


def test_attention_to_the_tokens_before(built):
  run, _ = built()
  batch = rows(run, one("abcdefgh\n"))
  packing = by_rows(batch, response_width=14, share=1)
  variables = {"params": run.frozen}
  of = features(run.policy.decoder, "attention")
  found = of(variables, batch, packing)
  count = int(np.sum(np.asarray(batch.positions[0]) < 1000))
  heads = tiny.DECODER.num_layers * tiny.DECODER.num_heads
  numbers = np.asarray(found)[0, :count]
  weights = numbers[:, : heads * RECENT].reshape(count, heads, RECENT)
  assert np.all(weights[0] == 0) and np.all(weights[1, :, 1:] == 0)
  assert np.all(weights >= 0) and np.all(weights.sum(-1) < 1)
  assert np.all(weights[3, :, :3] > 0) and np.all(weights[3, :, 3:] == 0)
  top = numbers[:, heads * RECENT :]
  assert np.all(np.diff(top, axis=1) <= 0) and np.all(top.sum(1) <= 1)
  apply = jax.jit(run.policy.decoder.apply, static_argnames="method")
  hidden, _ = apply(variables, batch.tokens, batch.positions)
  said = apply(variables, hidden, method="logits")
  probs = np.sort(np.asarray(jax.nn.softmax(said))[0, :count], axis=-1)[:, ::-1]
  np.testing.assert_allclose(top, probs[:, : uncertainty.TOP], rtol=1e-4)
  # Queries of 0 look at all that they see alike.
  flat = jax.tree.map(jnp.zeros_like, run.frozen["layers"]["attn"]["q"])
  layers = {**run.frozen["layers"], "attn": {**run.frozen["layers"]["attn"], "q": flat}}
  even = of({"params": {**run.frozen, "layers": layers}}, batch, packing)
  even = np.asarray(even)[0, :count, : heads * RECENT].reshape(count, heads, RECENT)
  for t in range(count):
    expected = np.where(np.arange(1, RECENT + 1) <= t, 1 / (t + 1), 0.0)
    np.testing.assert_allclose(
      even[t], np.broadcast_to(expected, even[t].shape), rtol=1e-5
    )


def test_states_of_every_layer(built):
  run, _ = built("hidden")
  batch = rows(run, one("abcd\n"))
  packing = by_rows(batch, response_width=14, share=1)
  variables = {"params": run.frozen}
  found = features(run.policy.decoder, "hidden")(variables, batch, packing)
  count = int(np.sum(np.asarray(batch.positions[0]) < 1000))
  shape = (count, tiny.DECODER.num_layers, tiny.DECODER.embed_dim)
  numbers = np.asarray(found)[0, :count].reshape(shape)
  # The last layer's, normalised, are the model's hidden states; so are the first one's
  # of a model that is the first layer alone.
  for layers in (1, tiny.DECODER.num_layers):
    cut = {
      **run.frozen,
      "layers": jax.tree.map(lambda x, n=layers: x[:n], run.frozen["layers"]),
    }
    decoder = Decoder(dataclasses.replace(run.policy.decoder.config, num_layers=layers))
    hidden, _ = jax.jit(decoder.apply)({"params": cut}, batch.tokens, batch.positions)
    state = numbers[:, layers - 1]
    norm = state / np.sqrt((state**2).mean(-1, keepdims=True) + 1e-6)
    scale = np.asarray(run.frozen["norm"]["scale"])
    np.testing.assert_allclose(norm * scale, hidden[0, :count], rtol=1e-3, atol=1e-4)


def test_it_learns_and_scores(tmp_path):
  changes = {
    "steps": 60,
    "schedule": {"name": "constant", "learning_rate": 1e-2},
    "evaluation": EvaluationConfig(problems=50, batch_rows=16),
  }
  loop.fit(config(tmp_path, "hidden", **changes))
  found = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  first, last = [row for row in found if row["kind"] == "eval"]
  assert first["step_auroc"] == 0.5 and last["step_auroc"] > 0.8
  scorer = score_steps.load(str(tmp_path / "run"))
  assert isinstance(scorer, StepScorer)
  # As many rows as were evaluated at once: their program is in the cache.
  batch = rows(scorer.run, one("ab\n", "bc\n"), *[one("xb\n", "ca\n")] * 15)
  scores = np.asarray(scorer(batch))
  start = int(batch.prompt_tokens[0])
  assert scores[0, start + 3] > scores[1, start + 3]


def test_a_loss_on_several_outputs_is_refused(tmp_path):
  with pytest.raises(UserError, match="one output"):
    build(config(tmp_path, loss={"name": "prm/objectives/step_ce"}))
