"""The outer loop, and the only one: collect -> update -> evaluate -> save."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Iterator
from concurrent import futures
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
from jaxrl.compilation import Compilations
from jaxrl.config import Config, to_json
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.evaluate import Stopped, evaluate
from jaxrl.metrics import SampleLog, SampleRow, Writer, format_table
from jaxrl.prm import held_out
from jaxrl.prm.known_outcomes import known_outcomes
from jaxrl.report import write_report
from jaxrl.sandbox import VerifierPool
from jaxrl.signals import StopSignals
from jaxrl.types import Metrics, Rollouts, TrainState, Tree

# |log-prob sampled - rescored| beyond rounding, in nats, where the config names none.
SAMPLER_GAP_MAX = {"float32": 0.01, "bfloat16": 0.5, "int8": 2.0}


@dataclasses.dataclass(frozen=True)
class Session:
  """The host's side of a run: files, workers, signals. No part of the mathematics."""

  pool: VerifierPool
  writer: Writer
  samples: SampleLog
  checkpoints: Checkpoints
  signals: StopSignals
  evaluated: set[int]  # steps whose evaluation is on record
  compilations: Compilations
  watch: futures.Executor  # waits for the device beside the main thread


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
        position = _steps(run, session, run.stowed(state), position)
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
    contextlib.closing(Compilations()) as compilations,
    verifiers(run) as pool,
    futures.ThreadPoolExecutor(1) as watch,
  ):
    evaluated = {row["step"] for row in recorded if row["kind"] == "eval"}
    samples = SampleLog(run.directory)
    yield Session(
      pool, writer, samples, checkpoints, signals, evaluated, compilations, watch
    )


def _steps(
  run: Run, session: Session, state: TrainState, position: Position
) -> Position:
  """Runs to the last step or to a signal, and saves.

  The metrics of a step are read when the next one's rollouts are there: until then the
  device has had work without waiting for the host.
  """
  config = run.config
  bar = tqdm.tqdm(total=config.steps, initial=position.step, unit="step")
  pending: Pending | None = None
  with bar:
    while not session.signals.requested:
      if _evaluates(run, session, position.step) or position.step >= config.steps:
        _record(run, session, bar, pending)
        pending = None
        _evaluate_if_due(run, session, state, position.step)
        if position.step >= config.steps:
          break
      started = time.perf_counter()
      number = position.step + 1
      batch, rows, metrics, curriculum, beside = collect(
        run, session.pool, state.params, position.curriculum, number, state.beside
      )
      if pending is not None:
        started = max(started, pending.ready.result())
      _record(run, session, bar, pending)
      pending = None
      if session.signals.requested:
        break  # the step was not taken; a resumed run draws the same batch again
      batch, replay = _replayed(config, batch, position.replay)
      sampled = time.perf_counter()
      state = dataclasses.replace(state, beside=beside)
      state, updates = update(run, state, batch, number)
      position = Position(number, curriculum, replay)
      ready = session.watch.submit(_ready, updates)
      pending = Pending(position.step, updates, metrics, rows, started, sampled, ready)
      if _due(position.step, config.output.checkpoint_every_steps):
        _record(run, session, bar, pending)
        pending = None
        session.checkpoints.save(state, position, config)
    _record(run, session, bar, pending)
  session.checkpoints.save(state, position, config)
  return position


@dataclasses.dataclass(frozen=True)
class Pending:
  """A step whose metrics have not been read."""

  step: int
  updates: list[Metrics]  # on the device
  collected: dict[str, float]
  rows: list[SampleRow]
  started: float  # when the device was free for it
  sampled: float
  ready: futures.Future[float]  # when the device was done with it


def _ready(updates: list[Metrics]) -> float:
  jax.block_until_ready(updates)
  return time.perf_counter()


def _record(
  run: Run, session: Session, bar: tqdm.tqdm, pending: Pending | None
) -> None:
  """Reads, checks and writes the metrics of a step."""
  if pending is None:
    return
  step, collected = pending.step, pending.collected
  seconds = pending.ready.result() - pending.started
  metrics = means(run, pending.updates, step) | collected
  metrics |= {
    "seconds": seconds,
    "collect_seconds": pending.sampled - pending.started,
    "update_seconds": seconds - (pending.sampled - pending.started),
    "tokens_per_second": collected["response_tokens"] / seconds,
  }
  metrics |= session.compilations.since()
  if "sampler_gap" in metrics:
    _check_sampler_gap(run.config, metrics["sampler_gap"], step)
  session.writer.write(step, "train", metrics)
  session.samples.write(pending.rows)
  _show(bar, metrics)


def _replayed(config: Config, batch: Rollouts, kept: Tree) -> tuple[Rollouts, Tree]:
  """The batch with kept groups in place of flat ones, and what is kept afterwards."""
  if config.replay_groups == 0:
    return batch, {}
  size, sampling = config.group_size, config.sampling
  bucket = sampling.prompt_bucket_tokens
  longest = -(-sampling.max_prompt_tokens // bucket) * bucket
  batch = prompts.widen(batch, longest + sampling.max_response_tokens)
  buffer = (
    Rollouts(**kept) if kept else replay_lib.empty(batch, config.replay_groups, size)
  )
  buffer, batch = _exchange(buffer, batch, size=size)
  arrays = {f.name: getattr(buffer, f.name) for f in dataclasses.fields(buffer)}
  return batch, {name: x for name, x in arrays.items() if isinstance(x, jax.Array)}


_exchange = jax.jit(replay_lib.exchange, static_argnames="size")


def update(
  run: Run, state: TrainState, batch: Rollouts, step: int
) -> tuple[TrainState, list[Metrics]]:
  """All optimiser steps on one batch, dispatched; the metrics of each."""
  config, collected = run.config, []
  state = run.fetched(state)
  meta = known_outcomes(run, step)
  known = () if meta is None else (meta,)
  for epoch in range(config.epochs_per_batch):
    for part in mini_batches(batch, config, (config.seed, step, epoch)):
      state, metrics = run.train_step(state, run.frozen, run.packed(part), *known)
      collected.append(metrics)
  return run.stowed(state), collected


def means(run: Run, updates: list[Metrics], step: int) -> dict[str, float]:
  """Metrics of a batch: means over its optimiser steps. Waits for the device.

  `sampler_gap`, of sampled rows, is of the first update: its log-probs are of the
  parameters that sampled.
  """
  host = jax.device_get(updates)
  averaged = {name: float(np.mean([m[name] for m in host])) for name in host[0]}
  if "sampler_gap" in host[0]:
    averaged["sampler_gap"] = float(host[0]["sampler_gap"])
  averaged["skipped_updates"] = float(host[-1]["skipped_updates"])
  averaged["learning_rate"] = float(run.schedule(step * len(host) - 1))
  return averaged


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
    small = config.sampling.int8_weights or config.sampling.int8_cache
    allowed = SAMPLER_GAP_MAX["int8" if small else config.model.compute_dtype]
  if not gap <= allowed:  # NaN too
    raise UserError(
      f"step {step}: log-probs of the sampler and of the scorer differ by {gap:.3g} "
      f"nats, more than {allowed:g}: they no longer run the same model; the update was "
      "not saved; report this, or raise --sampler-gap-max if the model's precision "
      "explains it"
    )


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


def _evaluates(run: Run, session: Session, step: int) -> bool:
  settings = run.config.evaluation
  ends = step in (0, run.config.steps)
  if settings.problems == 0 or step in session.evaluated:
    return False
  return ends or _due(step, settings.every_steps)


def _evaluate_if_due(run: Run, session: Session, state: TrainState, step: int) -> None:
  if not _evaluates(run, session, step):
    return
  stop = lambda: session.signals.requested
  try:
    if held_out.is_labelled(run):
      metrics, rows = held_out.evaluate(run, state.params, step)
    else:
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
    "process_bench_f1": "first-error F1",
    "step_auroc": "AUROC of steps",
  }
  parts = [
    f"{text} {metrics[key]:.3f}" for key, text in names.items() if key in metrics
  ]
  return ", ".join(parts) + f" on {metrics['problems']:.0f} unseen problems"
