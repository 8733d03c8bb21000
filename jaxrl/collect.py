"""Problems -> rollouts with credit, ready for the update. Host code."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import credit, off_policy, pick, prompts
from jaxrl.build import Run
from jaxrl.draw import NOISE, REFERENCE, TRAINING, Drawn, draw, sample_rows, stream
from jaxrl.errors import UserError
from jaxrl.metrics import SampleRow
from jaxrl.prm import score_steps
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Rollouts, Tree


def collect(
  run: Run,
  pool: VerifierPool,
  params: Tree,
  curriculum: dict[str, Any],
  step: int,
  beside: Tree = MappingProxyType({}),
) -> tuple[Rollouts, list[SampleRow], dict[str, float], dict[str, Any], Tree]:
  """Rollouts ready for the update, samples as text, metrics, the curriculum's state.

  Last comes what learns beside the policy (`TrainState.beside`), as it is after this
  batch: a model that scores responses may learn from them first.

  Groups that the `refill` selectors empty are replaced by newly drawn ones, for up to
  `refill_rounds` more rounds; then what is missing stays empty, and is counted.
  """
  config = run.config
  variables = run.policy.variables(params, run.frozen)
  key = stream(config.seed, TRAINING, step)
  rounds: list[Drawn] = []
  kept: list[np.ndarray] = []
  while True:
    problems, curriculum = run.curriculum.draw(curriculum, config.prompts_per_step)
    first = len(rounds) * config.prompts_per_step * config.group_size
    size = config.group_size
    drawn = run.explore(run, pool, variables, problems, key, size, first)
    curriculum = run.curriculum.observe(curriculum, problems, _scores(run, drawn.batch))
    rounds.append(drawn)
    kept.append(_kept_groups(run, drawn.batch))
    enough = sum(len(ids) for ids in kept) >= config.prompts_per_step
    if enough or len(rounds) > config.refill_rounds:
      break
  batch, problems, missing = _compose(run, rounds, kept)
  batch, metrics = _fill_in(run, pool, params, batch, problems, step)
  if run.online is not None:
    batch, more, beside = _learn(run, batch, beside)
    metrics |= more
  batch = run.credit.assign(batch)
  rows = [
    row
    for drawn in rounds
    for row in sample_rows(step, "train", drawn.problems, drawn.texts, drawn.outcomes)
  ]
  metrics |= batch_metrics(batch, rounds)
  if run.refill:
    metrics |= {"rounds": float(len(rounds)), "missing_groups": float(missing)}
  return batch, rows, metrics, curriculum, beside


def _learn(
  run: Run, batch: Rollouts, beside: Tree
) -> tuple[Rollouts, dict[str, float], Tree]:
  """The batch with `prm_log_ratio`, metrics, and the model after a step on it."""
  assert run.online is not None
  state = run.fetched(beside["prm"])
  state, ratio, found = run.online(state, run.frozen, run.packed(batch))
  metrics = {name: float(x) for name, x in found.items()}
  batch = dataclasses.replace(batch, prm_log_ratio=ratio)
  return batch, metrics, {**beside, "prm": run.stowed(state)}


def _scores(run: Run, batch: Rollouts) -> np.ndarray:
  """Scores [N, G] as the curriculum sees them; NaN where there was none."""
  scores = np.where(np.asarray(batch.scored) > 0, np.asarray(batch.score), np.nan)
  return scores.reshape(-1, run.config.group_size)


def _kept_groups(run: Run, batch: Rollouts) -> np.ndarray:
  """Ids of the groups in which the refill selectors leave something."""
  if not run.refill:
    return np.unique(np.asarray(batch.group))
  batch = dataclasses.replace(batch, mask=batch.mask * batch.scored[:, None])
  for selector in run.refill:
    batch = dataclasses.replace(batch, mask=pick.call(selector, batch))
  group = np.asarray(batch.group)
  return np.unique(group[np.asarray(batch.mask).any(axis=1)])


def _compose(
  run: Run, rounds: Sequence[Drawn], kept: Sequence[np.ndarray]
) -> tuple[Rollouts, list[Problem], int]:
  """The first kept groups of all rounds, their problems, and how many are missing.

  Missing ones are other groups with nothing to train: shapes stay what they were.
  """
  size, n = run.config.group_size, run.config.prompts_per_step
  ids = np.concatenate([ids + i * n for i, ids in enumerate(kept)])[:n].astype(int)
  others = np.setdiff1d(np.arange(len(rounds) * n), ids)[: n - len(ids)]
  groups = np.concatenate([ids, others])
  asked = [problem for drawn in rounds for problem in drawn.problems[::size]]
  problems = [asked[i] for i in groups]
  if len(rounds) == 1 and not len(others):
    return rounds[0].batch, problems, 0
  width = max(drawn.batch.tokens.shape[1] for drawn in rounds)
  parts = [prompts.widen(drawn.batch, width) for drawn in rounds]
  every = jax.tree.map(lambda *x: jnp.concatenate(x), *parts)
  rows = (groups[:, None] * size + np.arange(size)).reshape(-1)
  batch = jax.tree.map(lambda x: x[rows], every)
  trains = jnp.asarray(np.arange(n * size) < len(ids) * size, jnp.float32)
  batch = dataclasses.replace(
    batch,
    group=jnp.arange(n * size, dtype=jnp.int32) // size,
    mask=batch.mask * trains[:, None],
    scored=batch.scored * trains,
  )
  return batch, problems, len(others)


def _fill_in(
  run: Run,
  pool: VerifierPool,
  params: Tree,
  batch: Rollouts,
  problems: Sequence[Problem],
  step: int,
) -> tuple[Rollouts, dict[str, float]]:
  """The arrays that some method of the run names and that take a model to make."""
  seed = run.config.seed
  more: dict[str, Any] = {}
  metrics: dict[str, float] = {}
  packed = run.packed(batch) if "logp_ref" in run.needs or run.rescored else batch
  if "logp_ref" in run.needs:
    more["logp_ref"] = run.reference_logp(run.reference, packed)
  if run.rescored:
    old = run.outputs_old(params, run.frozen, packed)
    more |= {f"{name}_old": getattr(old, name) for name in run.rescored}
    if "logp_old" in more and batch.logp_old is not None:
      gap = jnp.abs(more["logp_old"] - batch.logp_old)
      metrics["sampler_gap"] = float(jnp.max(jnp.where(batch.mask > 0, gap, 0.0)))
  if run.prm is not None and "prm_log_ratio" in run.needs:
    more["prm_log_ratio"] = run.prm.log_ratio(batch)
  elif run.prm is not None:
    batch = dataclasses.replace(batch, entropy_old=more.get("entropy_old"))
    batch = score_steps.score_rows(run.prm, score_steps.cut_rows(run, batch))
    scores = np.asarray(batch.step_scores)[np.asarray(batch.step_scored) > 0]
    metrics["step_score"] = float(scores.mean()) if len(scores) else float("nan")
    metrics["scored_steps"] = len(scores) / len(problems) / run.config.group_size
  if "noise" in run.needs:
    key = stream(seed, NOISE, step)
    more["noise"] = jax.random.uniform(key, batch.mask.shape)
  if "greedy_rewards" in run.needs:
    variables = run.policy.variables(params, run.frozen)
    rules = dataclasses.replace(run.rules, greedy=True)
    key = stream(seed, TRAINING, step)
    drawn = draw(run, pool, variables, problems, key, rules=rules, group=1)
    rewards = jnp.nan_to_num(_rewards(run, drawn))  # unscored: a baseline of 0
    more["greedy_rewards"] = jnp.repeat(rewards, run.config.group_size)
  if "reference_rewards" in run.needs:
    samples = run.config.reference_samples
    key = stream(seed, REFERENCE, step)
    variables = {"params": run.reference}
    drawn = draw(run, pool, variables, problems, key, rules=run.rules, group=samples)
    rewards = _rewards(run, drawn).reshape(-1, samples)
    more["reference_rewards"] = jnp.repeat(rewards, run.config.group_size, axis=0)
  batch = dataclasses.replace(batch, **more)
  measures = run.config.corrections or run.config.old_logp == "scorer"
  if measures and batch.logp_sampling is not None:  # None: a file's rows
    metrics |= {name: float(x) for name, x in _off_policy(batch).items()}
  return batch, metrics


def _rewards(run: Run, drawn: Drawn) -> jax.Array:
  """Rewards of responses beside the batch, by those that need no model; NaN: none."""
  fields = dataclasses.fields(drawn.batch)
  absent = {field.name for field in fields if getattr(drawn.batch, field.name) is None}
  absent |= {f"{name}_old" for name in run.rescored}
  simple = tuple(r for r in run.credit.rewards if not absent & {*pick.needs(r)})
  if not simple:
    raise UserError(
      "config: greedy_rewards and reference_rewards are of rewards that need no model, "
      "and rewards names none; add one, such as accuracy"
    )
  batch = credit.reward(drawn.batch, simple)
  return jnp.where(batch.scored > 0, batch.rewards, jnp.nan)


_off_policy = jax.jit(off_policy.metrics)


def batch_metrics(batch: Rollouts, rounds: Sequence[Drawn]) -> dict[str, float]:
  """What the batch says before it trains, and all that was sampled for it.

  `reward` and `informative_groups` are of the scored rows of the batch; the rest is of
  every response, those that a refill replaced included.
  """
  fields = ("score", "formatted", "scored", "truncated")
  host = {
    name: np.concatenate([np.asarray(getattr(drawn.batch, name)) for drawn in rounds])
    for name in fields
  }
  mask = [np.asarray(drawn.batch.mask) for drawn in rounds]
  tokens = float(sum(x.sum() for x in mask))
  outcomes = [outcome for drawn in rounds for outcome in drawn.outcomes]
  statuses = Counter(outcome.status for outcome in outcomes)
  scored, trains = host["scored"] > 0, np.asarray(batch.scored) > 0
  mean = lambda x, on: float(np.mean(x[on])) if on.any() else float("nan")
  rewards, group = np.asarray(batch.rewards), np.asarray(batch.group)
  spread = [
    np.ptp(rewards[trains & (group == one)]) > 0 for one in np.unique(group[trains])
  ]
  sampled = {}
  if batch.logp_old is not None:
    logp = [np.asarray(drawn.batch.logp_old) for drawn in rounds]
    surprisal = -float(sum((x * y).sum() for x, y in zip(mask, logp, strict=True)))
    # Mean surprisal of the sampled tokens: an unbiased estimate, in nats.
    sampled["entropy"] = surprisal / max(tokens, 1.0)
  return {
    **sampled,
    "reward": mean(rewards, trains),
    "accuracy": mean(host["score"], scored),
    "formatted": mean(host["formatted"], scored),
    "length": tokens / len(outcomes),
    "truncated": float(host["truncated"].mean()),
    # Groups whose rewards differ: the others say nothing about what was better.
    "informative_groups": float(np.mean(spread)) if spread else 0.0,
    "response_tokens": tokens,
    "longest_response": float(max(x.sum(axis=1).max() for x in mask)),
    "decoding_steps": float(sum(drawn.steps for drawn in rounds)),
    "unscorable": float((~scored).sum()),
    **{f"verifier_{s}": float(statuses[s]) for s in ("timeout", "crash", "error")},
  }
