"""What a run will need of the device's memory, said by its compiled programs.

Everything is a shape: no tensor is read, made or run, but for a batch of a file's rows
where nothing is sampled. Of each program that the run will call, the largest version is
compiled: prompts of `max_prompt_tokens`, all responses at full length. The peak of a
program is then

  held beside it + its arguments + outputs - aliased + temporaries

where aliased outputs lie in the buffers of donated arguments, and an array that the
program is given is not counted among what is held.
"""

import dataclasses
import functools
import os
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jaxrl import plan_batch as shapes
from jaxrl import prompts, rollout, sampler
from jaxrl.build import Run, build
from jaxrl.config import Config
from jaxrl.errors import UserError
from jaxrl.loop import mini_batches
from jaxrl.prm import held_out
from jaxrl.prm.score_steps import StepScorer
from jaxrl.rollout import Engine, SamplerState, SamplingRules
from jaxrl.types import Rollouts, TrainState, Tree

Shape = shapes.Shape


@dataclasses.dataclass(frozen=True)
class Program:
  """A compiled program. Bytes, unless said otherwise."""

  phase: str
  name: str
  held: int  # lives while it runs, and is none of its arguments
  arguments: int
  outputs: int
  temporaries: int
  aliased: int  # outputs in the buffers of donated arguments
  seconds: float  # to compile it, or to find it compiled on disk

  @property
  def peak(self) -> int:
    """All that lives while it runs."""
    made = self.outputs - self.aliased + self.temporaries
    return self.held + self.arguments + made


@dataclasses.dataclass(frozen=True)
class Plan:
  """What `plan` found out."""

  config: Config
  trained: int  # parameters
  frozen: int  # parameters
  held: dict[str, int]  # bytes of what lives long, by name
  programs: tuple[Program, ...]


def plan(config: Config) -> Plan:
  """Compiles the programs of a run for the default device.

  Raises:
    UserError, ModelError: as `build`.
  """
  run, state = build(config, shapes_only=True)
  variables = run.policy.variables(state.params, run.frozen)
  batch = shapes.recorded(run) if shapes.records(config) else _drawn(run, variables)
  whole, kept = shapes.replayed(config, shapes.credited(run, batch))
  long = {
    "parameters": state.params,
    "optimiser state": state.opt_state,
    "learners beside it": state.beside,
    "frozen base": run.frozen,
    # Under LoRA the frozen base is the reference.
    "reference parameters": None if run.policy.lora else run.reference,
    "model of steps": _of_scorer(run),
    "replay buffer": kept,
  }
  held = {name: size for name, tree in long.items() if (size := _bytes(tree))}
  resident = sum(held.values())
  idle = resident - sum(_waiting(run, x) for x in (state, *state.beside.values()))
  programs: list[Program] = []
  for draw in _draws(run, variables):
    found, sizes = _sampling(run, draw, idle)
    programs += found
    for name, size in sizes.items():
      held[name] = max(size, held.get(name, 0))
  programs += _scoring(run, state, batch, idle)
  programs += _held_out(run, state, idle)
  programs.append(_training(run, state, whole, resident))
  count = lambda tree: sum(x.size for x in jax.tree.leaves(tree))
  return Plan(config, count(state.params), count(run.frozen), held, tuple(programs))


def _of_scorer(run: Run) -> Tree:
  """What the model that scores steps keeps on the device, where there is one."""
  if run.prm is None:
    return None
  return run.prm.params, run.prm.run.frozen, run.prm.run.reference


def _waiting(run: Run, state: TrainState) -> int:
  """Bytes of a state that wait in host memory, which a CPU has at hand."""
  if not run.config.offload_optimizer or jax.default_backend() == "cpu":
    return 0
  return _bytes(state.opt_state)


@dataclasses.dataclass(frozen=True)
class _Draw:
  """A use of the sampler."""

  phase: str
  variables: Tree
  prompts: int
  group: int
  rules: SamplingRules

  def asked(self, config: Config) -> tuple[Shape, Shape, Shape, Shape]:
    """Prompts, their lengths, row ids and a key, as the sampler takes them."""
    width = shapes.prompt_width(config)
    whole = lambda *shape: Shape(shape, jnp.int32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    n, rows = self.prompts, self.prompts * self.group
    return whole(n, width), whole(n), whole(rows), key


def _draws(run: Run, variables: Tree) -> Iterator[_Draw]:
  """Every use of the sampler that may be the largest."""
  config, settings = run.config, run.config.evaluation
  n = config.prompts_per_step
  if not shapes.records(config):
    yield _Draw("sampling", variables, n, config.group_size, run.rules)
  if "reference_rewards" in run.needs:
    reference = {"params": run.reference}
    yield _Draw("baseline", reference, n, config.reference_samples, run.rules)
  if settings.problems and not held_out.is_labelled(run):
    # The greedy pass: every row has a prompt of its own.
    rows = min(settings.batch_rows, settings.problems, len(run.task.test))
    greedy = dataclasses.replace(run.rules, greedy=True)
    yield _Draw("evaluation", variables, max(1, rows), 1, greedy)


def _sampling(run: Run, draw: _Draw, idle: int) -> tuple[list[Program], dict[str, int]]:
  """The sampler's programs, and the bytes of its weights and of its largest cache."""
  decoder, engine, rules = run.policy.decoder, run.engine, draw.rules
  how: dict[str, Any] = {"rules": rules, "engine": engine}
  weights = _weights(run, draw.variables)
  copies = sampler.casts_weights(decoder, engine)
  beside = idle + (_bytes(weights) if copies else 0)
  without = idle - _bytes(draw.variables)
  idle = idle if copies else without  # beside arguments that the weights are among
  first, before, last = _cache_slots(rules, engine)
  state, halved = _states(run, draw, weights, last)
  measure = functools.partial(_measure, draw.phase)
  given = (decoder, draw.variables, engine)
  asked = (decoder, weights, *draw.asked(run.config))
  programs = []
  if copies:
    programs.append(measure("weights", sampler.cast_weights, without, *given))
  programs.append(measure("start", sampler.start, idle, *asked, **how, slots=first))
  if before:
    held = max(_states(run, draw, weights, before), key=_bytes)
    programs.append(measure("grow", sampler.tidied, beside, held, slots=last))
  if halved is not state:
    rows = halved.row.shape[0]
    programs.append(measure("halve", sampler.compact, beside, state, rows=rows))
  model = (decoder, weights)
  programs.append(
    measure("advance", sampler.advance, idle, *model, state, **how, leave_at=1)
  )
  if _bytes(halved) > _bytes(state):
    programs.append(
      measure("advance, half", sampler.advance, idle, *model, halved, **how, leave_at=1)
    )
  return programs, {
    "sampler's weights": _bytes(weights),
    "KV cache, largest": max(_bytes((x.cache, x.bank)) for x in (state, halved)),
  }


def _cache_slots(rules: SamplingRules, engine: Engine) -> tuple[int, int, int]:
  """Cache slots at first, before the last time that they grow (0: never), and last."""
  slots_of = lambda tokens: rollout.cache_slots(tokens, rules, engine)
  first, last = slots_of(sampler.FIRST_TOKENS), slots_of(rules.max_tokens)
  before, slots = 0, first
  while slots < last:
    before, slots = slots, min(2 * slots, last)
  # Rejected drafts are tidied away at the full length too.
  return first, last if engine.lookup_tokens else before, last


def _states(
  run: Run, draw: _Draw, weights: Tree, slots: int
) -> tuple[SamplerState, SamplerState]:
  """The sampler's state with all its slots, and with half of them once rows end.

  The latter may be the larger one: there each row has a copy of its prompt's keys. It
  is the former where there are too few slots to halve.
  """
  state = sampler.start.eval_shape(
    run.policy.decoder,
    weights,
    *draw.asked(run.config),
    rules=draw.rules,
    engine=run.engine,
    slots=slots,
  )
  used = state.row.shape[0]
  if used <= sampler.LEAST_SLOTS:
    return state, state
  return state, sampler.compact.eval_shape(state, rows=-(-used // 2))


def _weights(run: Run, variables: Tree) -> Tree:
  """What the sampler reads: the variables, or a smaller copy of them."""
  decoder, engine = run.policy.decoder, run.engine
  if not sampler.casts_weights(decoder, engine):
    return variables
  return sampler.cast_weights.eval_shape(decoder, variables, engine)


def _drawn(run: Run, variables: Tree) -> Rollouts:
  """The batch as it comes from the sampler and the verifier."""
  draw = next(_draws(run, variables))
  weights = _weights(run, variables)
  state, _ = _states(run, draw, weights, 1)
  asked, lengths, rows, _ = draw.asked(run.config)

  def joined(state: SamplerState, asked: jax.Array, lengths: jax.Array) -> Rollouts:
    fields: dict[str, Any] = dict(prompts.join(asked, lengths, rollout.finish(state)))
    for name in ("score", "scored", "formatted"):
      fields[name] = jnp.zeros(rows.shape)
    if texts := len(run.credit.text_rewards):
      fields["text_rewards"] = jnp.zeros((*rows.shape, texts))
    return Rollouts(**fields)

  return jax.eval_shape(joined, state, asked, lengths)


def _scoring(run: Run, state: TrainState, batch: Rollouts, idle: int) -> list[Program]:
  """The passes on a whole batch before it trains."""
  programs = []
  given = shapes.packed(run, batch)
  if "logp_ref" in run.needs:
    beside, score = idle - _bytes(run.reference), run.reference_logp
    programs.append(
      _measure("scoring", "reference", score, beside, run.reference, given)
    )
  if run.rescored:
    own = state.params, run.frozen
    beside = idle - _bytes(own)
    programs.append(_measure("scoring", "old", run.outputs_old, beside, *own, given))
  if run.online is not None:
    model = state.beside["prm"]
    rows = shapes.packed(run, shapes.filled_in(run, batch))
    rows = dataclasses.replace(rows, logp_old=None, prm_log_ratio=None)
    beside = idle + _waiting(run, model) - _bytes((model, run.frozen))
    step = run.online.step
    programs.append(
      _measure("scoring", "online model", step, beside, model, run.frozen, rows)
    )
  return programs


def _held_out(run: Run, state: TrainState, idle: int) -> list[Program]:
  """The scores of labelled solutions, where those are what is evaluated."""
  settings = run.config.evaluation
  if not settings.problems or not held_out.is_labelled(run):
    return []
  scorer = StepScorer(run, state.params, run.policy.response_width)
  batch = shapes.held_out(run)
  if "logp_ref" in scorer.needs:
    batch = dataclasses.replace(batch, logp_ref=batch.mask)
  own = state.params, run.frozen
  beside = idle - _bytes(own)
  return [_measure("evaluation", "step scores", scorer.program, beside, *own, batch)]


def _training(run: Run, state: TrainState, whole: Rollouts, resident: int) -> Program:
  """An optimiser step on a mini-batch."""
  part = whole
  own = state.params, state.opt_state, state.beside, run.frozen
  beside = resident - _bytes(own)
  if run.config.mini_batches > 1:
    beside += _bytes(whole)
    part = jax.eval_shape(lambda x: next(mini_batches(x, run.config, (0,))), whole)
  rows = shapes.packed(run, part), *shapes.known(run)
  return _measure(
    "training", "train step", run.train_step, beside, state, run.frozen, *rows
  )


def _measure(
  phase: str, name: str, function: Any, beside: int, *args: Any, **kwargs: Any
) -> Program:
  """Compiles a jitted function; `beside`: bytes that live and are no arguments."""
  started = time.perf_counter()
  compiled = function.lower(*args, **kwargs).compile()
  seconds = time.perf_counter() - started
  stats = compiled.memory_analysis()
  if stats is None:
    raise UserError(
      f"plan: the {jax.default_backend()} backend does not say what memory a program "
      "needs; try --platform cpu with JAX_PLATFORMS=cpu"
    )
  # Arguments that the program does not read are no arguments of it; they live on.
  unread = max(0, _bytes((args, kwargs)) - stats.argument_size_in_bytes)
  return Program(
    phase=phase,
    name=name,
    held=beside + unread,
    arguments=stats.argument_size_in_bytes,
    outputs=stats.output_size_in_bytes,
    temporaries=stats.temp_size_in_bytes,
    aliased=stats.alias_size_in_bytes,
    seconds=seconds,
  )


def _bytes(tree: Tree) -> int:
  """Of all arrays in a tree; what is no array has none."""
  arrays = [x for x in jax.tree.leaves(tree) if hasattr(x, "dtype")]
  return sum(x.size * x.dtype.itemsize for x in arrays)


def device_memory() -> tuple[int, str]:
  """Bytes that programs may use on the default device, and what they are."""
  device = jax.local_devices()[0]
  limit = (device.memory_stats() or {}).get("bytes_limit")
  if limit:
    return limit, str(device.device_kind)
  return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "this machine"
