"""Searches with a language model: what is reordered is what would be computed anew."""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import cli, draw, pick, prompts
from jaxrl.build import build
from jaxrl.config import SearchConfig, bind, to_json
from jaxrl.errors import UserError
from jaxrl.pick import names
from jaxrl.prm import score_steps
from jaxrl.rollout import Responses, SamplingRules
from jaxrl.search import on_model
from jaxrl.search import rows as rows_lib
from jaxrl.search.rows import Models, Weights
from jaxrl.types import Rollouts
from tests import tiny

EACH, LONGEST, STEP = 4, 12, 3
PROMPTS = jnp.array([[49, 43, 50, 61], [55, 61, 256, 256]], jnp.int32)
LENGTHS = jnp.array([4, 2], jnp.int32)


@functools.cache
def parts():
  """Two random models of one shape: one speaks, another one reads."""
  scorer = score_steps.load(tiny.prm_directory())
  policy = scorer.run.policy
  head = jax.tree.map(
    lambda x: x + 0.3 * (1 + jnp.arange(x.size).reshape(x.shape) % 3),
    scorer.params["step_head"],
  )
  rng = np.random.default_rng(1)
  noise = lambda shape: jnp.asarray(0.3 * rng.normal(size=shape), jnp.float32)
  speaks, reads = (
    jax.tree.map(lambda x: x + noise(x.shape), scorer.params["policy"])
    for _ in range(2)
  )
  readout = bind(scorer.run.config, "readout")
  models = Models(
    policy=policy.decoder,
    rules=SamplingRules(stop_ids=tuple(range(250, 259)), max_tokens=LONGEST),
    step_ids=tuple(range(0, 250, 4)),
    step_tokens=STEP,
    trunk=policy.decoder,
    head=policy.step_head,
    readout=lambda outputs, mask: pick.call(readout, outputs, on_model._Mask(mask)),
  )
  weights = Weights({"params": speaks}, {"params": reads}, head)
  return scorer, models, weights


join = jax.jit(prompts.join)


def batch_of(rows):
  """The rows as a batch, to be scored from scratch."""
  said = jax.device_get(rows.said.replace(keys=None))
  index = np.arange(LONGEST)[None]
  responses = Responses(
    tokens=said.tokens,
    mask=(index < said.lengths[:, None]).astype(np.float32),
    logp=said.logp,
    logp_sampling=said.logp_sampling,
    truncated=1.0 - said.stopped.astype(np.float32),
    steps=said.steps,
  )
  zero = np.zeros(said.lengths.shape, np.float32)
  fields = join(PROMPTS, LENGTHS, responses)
  return Rollouts(**fields, score=zero, scored=zero + 1, formatted=zero)


@functools.cache
def walked():
  """Rows after four rounds, reordered at random within each problem between them."""
  _, models, weights = parts()
  step = jax.jit(functools.partial(rows_lib.expand, models, weights))
  begin = jax.jit(functools.partial(rows_lib.expand, models, weights, tokens=1))
  complete = jax.jit(
    functools.partial(rows_lib.expand, models, weights, only_open=True)
  )
  start = jax.jit(functools.partial(rows_lib.start, models, each=EACH))
  take = jax.jit(rows_lib.take)
  rows = start(weights, PROMPTS, LENGTHS, jnp.arange(2))
  rng = np.random.default_rng(0)
  seen = []
  for turn in range(4):
    key = jax.random.key(turn)
    if turn == 2:  # a step in two parts, the second one on half of the rows
      rows, _ = begin(rows, key)
      rows = take(rows, jnp.array([3, 1, 5, 6]))
      rows, _ = complete(rows, jax.random.key(9))
      rows = take(rows, np.repeat(np.arange(4), 2))
    else:
      rows, _ = step(rows, key)
    seen.append(rows)
    parents = rng.integers(0, EACH, (2, EACH)) + np.array([[0], [EACH]])
    rows = take(rows, jnp.asarray(parents.reshape(-1)))
  return seen


def test_reordered_caches_are_those_of_the_rows():
  """Log-probs and scores through four reordered rounds are those of a plain pass."""
  scorer, _, weights = parts()
  policy = dataclasses.replace(scorer.run.policy, response_width=LONGEST)
  forward = jax.jit(policy.forward, static_argnums=3)
  of = lambda one: {"policy": one["params"], "step_head": weights.head}
  for rows in walked():
    batch = batch_of(rows)
    out = forward(of(weights.policy), {}, batch, ())
    np.testing.assert_allclose(out.logp, batch.logp_old, atol=2e-4)
    # A score is read behind the last token that is no stop token.
    ends = np.asarray(rows.said.lengths) - np.asarray(rows.said.stopped)
    until = np.asarray(LENGTHS).repeat(EACH) + ends
    at = np.minimum(until, batch.mask.shape[1] - 1)
    mask = np.zeros(batch.mask.shape, np.float32)
    mask[np.arange(len(at)), at] = 1.0
    places = np.arange(mask.shape[1], dtype=np.int32)[None]
    positions = np.where(mask > 0, places, np.asarray(batch.positions))
    read = dataclasses.replace(batch, mask=mask, positions=positions)
    said = forward(of(weights.trunk), {}, read, ("step_logits",)).step_logits
    expected = 1 / (1 + np.exp(-np.asarray(said)[np.arange(len(at)), at]))
    fits = until < batch.mask.shape[1]
    assert fits.sum() >= EACH  # a full row has no token behind it
    score = np.asarray(rows.score)
    np.testing.assert_allclose(score[fits], expected[fits], atol=2e-4)
    assert np.ptp(rows.score) > 1e-3


def test_steps_end_where_they_should():
  _, models, _ = parts()
  first = walked()[0].said
  for row in range(2 * EACH):
    ids = first.tokens[row, : first.lengths[row]].tolist()
    assert 1 <= len(ids) <= STEP
    ends = {*models.step_ids, *models.rules.stop_ids}
    assert not ends & set(ids[:-1])
    assert len(ids) == STEP or ids[-1] in ends
  assert len({tuple(ids) for ids in np.asarray(first.tokens).tolist()}) > EACH
  last = walked()[-1]
  full = np.asarray(last.said.lengths) == LONGEST
  stopped = np.asarray(last.said.stopped)
  np.testing.assert_array_equal(last.finished, full | stopped)
  # What was drawn is counted where it was drawn, whatever became of it.
  np.testing.assert_array_equal(walked()[0].drawn, first.lengths)
  rounds = [int(rows.drawn.sum()) for rows in walked()]
  assert rounds == sorted(rounds) and rounds[-1] > int(last.said.lengths.max())


def searching(tmp_path, **changes):
  settings = SearchConfig(
    problems=3,
    rows=4,
    rounds=4,
    step_ends="",
    step_tokens=2,
    begin_tokens=1,
    batch_problems=2,
  )
  return tiny.config(
    tmp_path / "run", prm=tiny.prm_directory(), searching=settings, **changes
  )


SMALL = {"diverse_beam": {"trees": 2}, "value_guided_blocks": {"width": 2}}
SMALL |= {"beam": {"width": 2}, "early_rejection": {"width": 2}, "srm": {"width": 2}}
SMALL |= {"pav": {"width": 2}}
SMALL |= {
  "lookahead": {"width": 2, "steps": 1},
  "adaptive_beam": {"children": 2, "median": 0},
}
SMALL |= {"alphamath": {"iterations": 3, "children": 2}, "hgs": {"samples": 4}}
SMALL |= {"alphallm": {"searches": 1, "widths": (2, 2), "rollouts": 1}}
TREES = ("alphamath", "alphallm", "hgs")


HOSTED = ("cr_planner", "goal_conditioned_rm", "pathfinder")  # see their own tests


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
  """(run, its parameters, a model of steps), and workers, for any strategy."""
  run, state = build(searching(tmp_path_factory.mktemp("searches")))
  scorer = score_steps.load(tiny.prm_directory())
  with draw.verifiers(run) as pool:
    yield run, state.params, scorer, pool


def for_strategy(config, name):
  """The config with a strategy at the size of a test."""
  changes = {"batch_problems": 1} if name in TREES else {}
  changes |= {"rows": 8} if name == "pats" else {}
  return dataclasses.replace(
    config,
    search={"name": name, **SMALL.get(name, {})},
    searching=dataclasses.replace(config.searching, **changes),
  )


def assert_plausible(shown, config):
  assert shown["problems"] == 3 and shown["unscored"] == 0
  assert 0 <= shown["mean"] <= shown["any"] <= 1
  settings, name = config.searching, config.search["name"]
  if name != "alphallm":  # whose rollouts count too
    steps = 8 if name.startswith("lookahead") else 4  # with one simulated for each
    assert 0 < shown["tokens"] <= settings.rows * settings.step_tokens * steps


@pytest.mark.parametrize("name", sorted({*names("search/strategies")} - {*HOSTED}))
def test_every_strategy_searches(searched, name):
  run, params, scorer, pool = searched
  config = for_strategy(run.config, name)
  run = dataclasses.replace(run, config=config)
  found = on_model.search(run, pool, params, scorer)
  assert_plausible(on_model.summary(found), config)


@pytest.mark.parametrize("name", ["beam", "hgs"])
def test_the_command_line_searches(tmp_path, capsys, name):
  config = for_strategy(searching(tmp_path), name)
  path = tmp_path / "config.json"
  path.write_text(to_json(config))
  assert cli.main(["search", str(path)]) == 0
  assert_plausible(json.loads(capsys.readouterr().out), config)


def test_problems_beside_it_change_no_search(tmp_path):
  found = []
  for size in (1, 2):
    config = searching(tmp_path, search={"name": "particle_filter"})
    settings = dataclasses.replace(config.searching, batch_problems=size)
    run, state = build(dataclasses.replace(config, searching=settings))
    with draw.verifiers(run) as pool:
      scorer = score_steps.load(config.prm)
      found.append(on_model.search(run, pool, state.params, scorer))
  for alone, beside in zip(*found, strict=True):
    assert alone.texts == beside.texts and alone.tokens == beside.tokens
    np.testing.assert_allclose(alone.scores, beside.scores, atol=1e-5)
  assert len({text for one in found[0] for text in one.texts}) > 4


def test_a_model_without_a_step_head_is_refused(tmp_path, capsys):
  config = searching(tmp_path)
  run, state = build(config)
  with pytest.raises(UserError, match="step head"):
    on_model.searcher(run, state.params, score_steps.load(tiny.prm_directory(True)))
  path = tmp_path / "config.json"
  path.write_text(to_json(dataclasses.replace(config, prm=None)))
  assert cli.main(["search", str(path)]) == 2
  assert "set prm" in capsys.readouterr().err
