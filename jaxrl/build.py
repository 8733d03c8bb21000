"""Config -> the parts of a run. Everything that can be wrong is found here, early."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import optax

from jaxrl.config import Config, bind
from jaxrl.errors import UserError
from jaxrl.models.decoder import Decoder
from jaxrl.models.load import Pretrained, load
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.policy import Policy, copy, split_params
from jaxrl.problems import Task
from jaxrl.rollout import SamplingRules
from jaxrl.train_step import Objective, init_state, make_optimizer, make_train_step
from jaxrl.types import TrainState, Tree


@dataclasses.dataclass(frozen=True)
class Run:
  """The parts of a run that never change."""

  config: Config
  directory: pathlib.Path
  task: Task
  tokenizer: Tokenizer
  policy: Policy
  frozen: Tree  # base parameters under LoRA, else {}
  reference: Tree | None  # parameters of the reference model, where a method reads it
  curriculum: Any
  rules: SamplingRules
  schedule: optax.Schedule
  train_step: Callable  # jitted; donates the train state
  reference_logp: Callable  # jitted
  credit: dict[str, Any]  # arguments of `credit.assign`


def directory_of(config: Config) -> pathlib.Path:
  """Where the run writes."""
  return pathlib.Path(config.output.directory.format(name=config.name))


def check_platform(config: Config) -> None:
  """UserError where the accelerator that was asked for is not there."""
  found = jax.default_backend()
  if config.platform not in ("any", found):
    raise UserError(
      f"config: platform {config.platform!r} was asked for and jax finds only "
      f"{found!r} ({', '.join(map(str, jax.devices()))}); install jaxrl[cuda] or "
      "jaxrl[tpu], or run with --platform any"
    )


def load_model(config: Config) -> Pretrained:
  """The weights, checked against the context that the run needs."""
  pretrained = load(
    config.model.path,
    compute_dtype=config.model.compute_dtype,
    remat=config.model.remat,
  )
  sampling = config.sampling
  needed = sampling.max_prompt_tokens + sampling.max_response_tokens
  if needed > pretrained.config.max_positions:
    raise UserError(
      f"config: sampling.max_prompt_tokens {sampling.max_prompt_tokens} + "
      f"max_response_tokens {sampling.max_response_tokens} exceed the context, "
      f"{pretrained.config.max_positions} tokens, of {config.model.path}; lower one"
    )
  return pretrained


def build_policy(config: Config, pretrained: Pretrained) -> Policy:
  """The policy over a loaded model."""
  decoder_config = pretrained.config
  if config.model.lora_rank:
    scale = config.model.lora_alpha / config.model.lora_rank
    decoder_config = dataclasses.replace(decoder_config, lora_scale=scale)
  return Policy(
    decoder=Decoder(decoder_config),
    lora=config.model.lora_rank > 0,
    temperature=config.sampling.temperature,
    response_width=config.sampling.max_response_tokens,
    responses_per_row=config.responses_per_row,
    logit_chunk_tokens=config.model.logit_chunk_tokens,
  )


def build(config: Config) -> tuple[Run, TrainState]:
  """Loads and checks everything, and makes the state before the first step.

  Raises:
    UserError, ModelError: what the config names is not there or does not fit.
  """
  check_platform(config)
  task = bind(config, "task")()
  pretrained = load_model(config)
  policy = build_policy(config, pretrained)
  params, frozen = split_params(pretrained, config.model, config.seed)
  objective = Objective(
    loss=bind(config, "loss"),
    reduction=bind(config, "reduction"),
    regularizers=bind(config, "regularizers"),
  )
  updates = config.steps * config.epochs_per_batch * config.mini_batches
  schedule = bind(config, "schedule")(updates)
  optimizer = make_optimizer(
    bind(config, "optimizer")(schedule), max_grad_norm=config.max_grad_norm
  )
  train_step = make_train_step(
    policy.forward, objective, optimizer, micro_batches=config.micro_batches
  )
  reference = None
  if "logp_ref" in objective.needs:
    # Under LoRA the frozen base is the reference already.
    reference = frozen if policy.lora else copy(pretrained.params)
  run = Run(
    config=config,
    directory=directory_of(config),
    task=task,
    tokenizer=pretrained.tokenizer,
    policy=policy,
    frozen=frozen,
    reference=reference,
    curriculum=bind(config, "curriculum")(task, config.seed),
    rules=training_rules(config, pretrained.tokenizer),
    schedule=schedule,
    train_step=jax.jit(train_step, donate_argnums=0),
    reference_logp=jax.jit(
      functools.partial(
        policy.reference_logp,
        micro_batches=config.micro_batches * config.mini_batches,
      )
    ),
    credit={name: bind(config, name) for name in ("rewards", "selectors", "advantage")},
  )
  return run, init_state(params, optimizer)


def training_rules(config: Config, tokenizer: Tokenizer) -> SamplingRules:
  """How responses are drawn in training."""
  sampling = config.sampling
  return SamplingRules(
    stop_ids=tokenizer.stop_ids,
    max_tokens=sampling.max_response_tokens,
    temperature=sampling.temperature,
    top_k=sampling.top_k,
    top_p=sampling.top_p,
    min_p=sampling.min_p,
  )
