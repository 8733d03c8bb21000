"""The outer loop, and the only one: collect -> update -> evaluate -> save."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import tqdm

from jaxrl import metrics as metrics_lib
from jaxrl import prompts
from jaxrl import replay as replay_lib
from jaxrl.build import Run, build
from jaxrl.checkpoints import Checkpoints, Position, check_same_run
from jaxrl.collect import collect
from jaxrl.config import Config, to_json
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.evaluate import Stopped, evaluate
from jaxrl.metrics import SampleLog, Writer, format_table
from jaxrl.report import write_report
from jaxrl.sandbox import VerifierPool
from jaxrl.signals import StopSignals
from jaxrl.types import Rollouts, TrainState, Tree

# |log-prob sampled - rescored| beyond rounding, in nats, where the config names none.
SAMPLER_GAP_MAX = {"float32": 0.01, "bfloat16": 0.5}


@dataclasses.dataclass(frozen=True)
class Session:
  """The host's side of a run: files, workers, signals. No part of the mathematics."""

  pool: VerifierPool
  writer: Writer
  samples: SampleLog
  checkpoints: Checkpoints
  signals: StopSignals
  evaluated: set[int]  # steps whose evaluation is on record


def train(config: Config, *, command: str = "") -> pathlib.Path:
  """`fit`, then the report; returns its path."""
  return write_report(fit(config, command=command))


def fit(config: Config, *, command: str = "") -> pathlib.Path:
  """Trains, or goes on training; returns the run's directory.

  A directory with a checkpoint of the same config is gone on with, bit for bit as if
  the run had never stopped. SIGTERM and Ctrl-C save and return.

  Raises:
    UserError: something that the user has to mend; what was saved stays.
  """
  with StopSignals() as signals:
    run, state = build(config)
    with metrics_lib.writing(run.directory):
      run.directory.mkdir(parents=True, exist_ok=True)
    check_same_run(run.directory, config)
    with Checkpoints(run.directory, keep=config.output.keep_checkpoints) as checkpoints:
      restored = checkpoints.restore(state, config)
      state, position = restored or (state, Position(0, run.curriculum.init()))
      _write_about(run, command)
      with _open_session(run, checkpoints, signals, position.step) as session:
        position = _steps(run, session, state, position)
    if position.step < config.steps:
      print(f"saved at step {position.step} of {config.steps}; run it again to go on")
    return run.directory


def _write_about(run: Run, command: str) -> None:
  """config.json and machine.json of the run directory."""
  text = to_json(run.config) + "\n"
  metrics_lib.replace_file(run.directory / "config.json", text.encode())
  metrics_lib.write_machine(run.directory, command)


@contextlib.contextmanager
def _open_session(
  run: Run, checkpoints: Checkpoints, signals: StopSignals, step: int
) -> Iterator[Session]:
  config = run.config
  # Without a checkpoint a run begins anew: -1 removes what an earlier try wrote.
  resume = step if checkpoints.latest_step() is not None else -1
  writer = metrics_lib.open_writers(
    run.directory,
    tensorboard=config.output.tensorboard,
    wandb_project=config.output.wandb_project,
    resume_step=resume,
  )
  recorded = metrics_lib.read_jsonl(run.directory / metrics_lib.METRICS)
  with (
    contextlib.closing(writer),
    verifiers(run) as pool,
  ):
    evaluated = {row["step"] for row in recorded if row["kind"] == "eval"}
    samples = SampleLog(run.directory)
    yield Session(pool, writer, samples, checkpoints, signals, evaluated)


def _steps(
  run: Run, session: Session, state: TrainState, position: Position
) -> Position:
  """Runs to the last step or to a signal, and saves."""
  config = run.config
  bar = tqdm.tqdm(total=config.steps, initial=position.step, unit="step")
  with bar:
    while not session.signals.requested:
      _evaluate_if_due(run, session, state, position.step)
      if position.step >= config.steps:
        break
      started = time.perf_counter()
      batch, rows, metrics, curriculum = collect(
        run, session.pool, state.params, position.curriculum, position.step + 1
      )
      if session.signals.requested:
        break  # the step was not taken; a resumed run draws the same batch again
      batch, replay = _replayed(config, batch, position.replay)
      sampled = time.perf_counter()
      state, more = update(run, state, batch, position.step + 1)
      position = Position(position.step + 1, curriculum, replay)
      metrics = more | metrics | _speed(metrics, started, sampled)
      _check_sampler_gap(config, metrics["sampler_gap"], position.step)
      session.writer.write(position.step, "train", metrics)
      session.samples.write(rows)
      _show(bar, metrics)
      if _due(position.step, config.output.checkpoint_every_steps):
        session.checkpoints.save(state, position, config)
  session.checkpoints.save(state, position, config)
  return position


def _replayed(config: Config, batch: Rollouts, kept: Tree) -> tuple[Rollouts, Tree]:
  """The batch with kept groups in place of flat ones, and what is kept afterwards."""
  if config.replay_groups == 0:
    return batch, {}
  size, sampling = config.group_size, config.sampling
  batch = prompts.widen(
    batch, sampling.max_prompt_tokens + sampling.max_response_tokens
  )
  buffer = (
    Rollouts(**kept) if kept else replay_lib.empty(batch, config.replay_groups, size)
  )
  buffer, batch = _exchange(buffer, batch, size=size)
  arrays = {f.name: getattr(buffer, f.name) for f in dataclasses.fields(buffer)}
  return batch, {name: x for name, x in arrays.items() if isinstance(x, jax.Array)}


_exchange = jax.jit(replay_lib.exchange, static_argnames="size")


def update(
  run: Run, state: TrainState, batch: Rollouts, step: int
) -> tuple[TrainState, dict[str, float]]:
  """All optimiser steps on one batch; metrics are means over them.

  `sampler_gap` is of the first, whose log-probs are of the parameters that sampled.
  """
  config, collected = run.config, []
  for epoch in range(config.epochs_per_batch):
    for part in mini_batches(batch, config, (config.seed, step, epoch)):
      state, metrics = run.train_step(state, run.frozen, part)
      collected.append(metrics)
  host = jax.device_get(collected)
  means = {name: float(np.mean([m[name] for m in host])) for name in host[0]}
  means["sampler_gap"] = float(host[0]["sampler_gap"])
  means["skipped_updates"] = float(host[-1]["skipped_updates"])
  means["learning_rate"] = float(run.schedule(int(state.step) - 1))
  return state, means


def mini_batches(
  batch: Rollouts, config: Config, seed: tuple[int, ...]
) -> Iterator[Rollouts]:
  """Splits a batch into `mini_batches` parts of whole groups, in shuffled order."""
  if config.mini_batches == 1:
    yield batch
    return
  order = np.random.default_rng(seed).permutation(config.prompts_per_step)
  for groups in np.split(order, config.mini_batches):
    size = config.group_size
    rows = (groups[:, None] * size + np.arange(size)).reshape(-1)
    part = jax.tree.map(lambda x, rows=rows: x[rows], batch)
    yield part.replace(group=jax.numpy.arange(len(rows), dtype=np.int32) // size)


def _check_sampler_gap(config: Config, gap: float, step: int) -> None:
  allowed = config.sampler_gap_max
  if allowed is None:
    allowed = SAMPLER_GAP_MAX[config.model.compute_dtype]
  if not gap <= allowed:  # NaN too
    raise UserError(
      f"step {step}: log-probs of the sampler and of the scorer differ by {gap:.3g} "
      f"nats, more than {allowed:g}: they no longer run the same model; the update was "
      "not saved; report this, or raise --sampler-gap-max if the model's precision "
      "explains it"
    )


def _speed(
  metrics: dict[str, float], started: float, sampled: float
) -> dict[str, float]:
  now = time.perf_counter()
  return {
    "seconds": now - started,
    "collect_seconds": sampled - started,
    "update_seconds": now - sampled,
    "tokens_per_second": metrics["response_tokens"] / (now - started),
  }


def _show(bar: tqdm.tqdm, metrics: dict[str, float]) -> None:
  shown = {
    "reward": f"{metrics['reward']:.2f}",
    "length": f"{metrics['length']:.1f}",
    "tokens/s": f"{metrics['tokens_per_second']:.0f}",
  }
  if failed := metrics["unscorable"]:
    shown["unscorable"] = f"{failed:.0f}"
  bar.set_postfix(shown, refresh=False)
  bar.update()


def _due(step: int, every: int) -> bool:
  return every > 0 and step % every == 0


def _evaluate_if_due(run: Run, session: Session, state: TrainState, step: int) -> None:
  settings = run.config.evaluation
  ends = step in (0, run.config.steps)
  if settings.problems == 0 or step in session.evaluated:
    return
  if not ends and not _due(step, settings.every_steps):
    return
  stop = lambda: session.signals.requested
  try:
    metrics, rows = evaluate(run, session.pool, state.params, step, stop=stop)
  except Stopped:
    return  # a resumed run evaluates this step first of all
  session.writer.write(step, "eval", metrics)
  session.samples.write(rows)
  session.evaluated.add(step)
  table = format_table(rows, run.config.output.sample_rows)
  session.writer.write_text(step, "eval", table)
  tqdm.tqdm.write(f"step {step}: {_headline(metrics)}\n{table}")


def _headline(metrics: dict[str, Any]) -> str:
  names = {
    "greedy_accuracy": "greedy accuracy",
    "greedy_formatted": "in the asked form",
    "mean_at_k": "mean@k",
    "majority_at_k": "majority@k",
  }
  parts = [
    f"{text} {metrics[key]:.3f}" for key, text in names.items() if key in metrics
  ]
  return ", ".join(parts) + f" on {metrics['problems']:.0f} unseen problems"
