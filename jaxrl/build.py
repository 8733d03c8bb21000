"""Config -> the parts of a run. Everything that can be wrong is found here, early."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import optax

from jaxrl import layout, pick
from jaxrl.config import Config, bind
from jaxrl.credit import Credit
from jaxrl.errors import UserError
from jaxrl.models.decoder import Decoder
from jaxrl.models.heads import EnsembleHead, StepHead
from jaxrl.models.load import Pretrained, load
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.models.uncertainty_head import UncertaintyHead
from jaxrl.objective import Objective
from jaxrl.policy import (
  Policy,
  copy,
  jitted_outputs_old,
  jitted_reference_logp,
  trained_params,
)
from jaxrl.prm import bilevel, online
from jaxrl.problems import Task
from jaxrl.rollout import Engine, SamplingRules
from jaxrl.train_step import clipped, init_state, make_optimizer, make_train_step
from jaxrl.types import PolicyOutputs, Rollouts, TrainState, Tree


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
  engine: Engine
  schedule: optax.Schedule
  train_step: Callable  # jitted; donates the train state
  packed: Callable[[Rollouts], Rollouts]  # lays a batch out for the model; host code
  stowed: Callable[[TrainState], TrainState]  # optimisers' state to where it waits
  fetched: Callable[[TrainState], TrainState]  # and back to the device
  reference_logp: Callable  # jitted
  outputs_old: Callable  # jitted
  explore: Callable  # problems -> their responses, verified; host code
  credit: Credit
  refill: tuple[Callable, ...]
  prm: Any  # scores steps (prm.score_steps.StepScorer), where a method reads that
  online: online.OnlineModel | None  # an implicit model that learns along
  reweighting: bilevel.Reweighting | None  # of the rows that train
  needs: frozenset[str]  # every array that some method names
  rescored: tuple[str, ...]  # fields of PolicyOutputs whose `_old` is to be computed


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


def load_model(config: Config, *, shapes_only: bool = False) -> Pretrained:
  """The weights, checked against the context that the run needs."""
  pretrained = load(
    config.model.path,
    compute_dtype=config.model.compute_dtype,
    remat=config.model.remat,
    shapes_only=shapes_only,
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


def build_policy(
  config: Config,
  pretrained: Pretrained,
  step_head: StepHead | UncertaintyHead | None,
) -> Policy:
  """The policy over a loaded model."""
  decoder_config = pretrained.config
  if config.model.lora_rank:
    scale = config.model.lora_alpha / config.model.lora_rank
    decoder_config = dataclasses.replace(decoder_config, lora_scale=scale)
  return Policy(
    decoder=Decoder(decoder_config),
    lora=config.model.lora_rank > 0 or config.model.step_head != "state",
    temperature=config.sampling.temperature,
    response_width=config.sampling.max_response_tokens,
    responses_per_row=config.responses_per_row or config.group_size,
    logit_chunk_tokens=config.model.logit_chunk_tokens,
    step_head=step_head,
  )


def build_step_head(
  config: Config, needs: frozenset[str]
) -> StepHead | UncertaintyHead | None:
  """The head of a process reward model, where a method names what it says.

  A method of several outputs says how many in its hyper-parameter `outputs`.
  """
  if not needs & {"step_logits", "step_outputs"}:
    return None
  specs = (config.loss, *config.regularizers)
  if config.reweighting:
    specs = (*specs, config.meta_loss)
  outputs = [spec["outputs"] for spec in specs if "outputs" in spec] or [1]
  if len(set(outputs)) > 1:
    raise UserError(
      f"config: its losses read step heads of {sorted(set(outputs))} outputs, and "
      "there is one head; make their `outputs` the same"
    )
  model = config.model
  if model.step_head == "state":
    kind = EnsembleHead if model.step_heads_apart else StepHead
    return kind(outputs[0], model.step_head_hidden)
  if outputs[0] != 1:
    raise UserError(
      f"config: model.step_head {model.step_head!r} has one output and the losses read "
      f"{outputs[0]}; take a loss on one, such as prm/objectives/uheads"
    )
  return UncertaintyHead(model.step_head, model.uncertainty_width)


def build(config: Config, *, shapes_only: bool = False) -> tuple[Run, TrainState]:
  """Loads and checks everything, and makes the state before the first step.

  With `shapes_only` a shape stands for each array, and none is read or made.

  Raises:
    UserError, ModelError: what the config names is not there or does not fit.
  """
  check_platform(config)
  task = bind(config, "task")()
  pretrained = load_model(config, shapes_only=shapes_only)
  make = jax.eval_shape if shapes_only else (lambda f, *args: f(*args))
  credit, objective = build_methods(config)
  needs = _needs(config, credit, objective)
  policy = build_policy(config, pretrained, build_step_head(config, needs))
  learner = online.build(config, policy)
  reweighting = bilevel.build(config, policy.forward, objective, task)
  split = functools.partial(_split, config, pretrained, policy, objective, needs)
  params, frozen = make(split, pretrained.params)
  params = params if shapes_only else _with_critic(config, params)
  schedule, optimizer = build_optimizer(config, params)
  train_step = make_train_step(
    policy.forward, objective, optimizer, micro_batches=config.micro_batches
  )
  if reweighting is not None:
    train_step = reweighting.around(train_step)
  groups = objective.needs_groups or (learner is not None and learner.whole_groups)
  rescored = rescored_fields(config, needs)
  parts = config.micro_batches * config.mini_batches
  run = Run(
    config=config,
    directory=directory_of(config),
    task=task,
    tokenizer=pretrained.tokenizer,
    policy=policy,
    frozen=frozen,
    reference=build_reference(needs, policy, frozen, pretrained, make),
    curriculum=bind(config, "curriculum")(task, config.seed),
    rules=training_rules(config, pretrained.tokenizer),
    engine=engine_of(config),
    schedule=schedule,
    train_step=jax.jit(train_step, donate_argnums=0),
    stowed=functools.partial(_moved, config, "pinned_host"),
    fetched=functools.partial(_moved, config, "device"),
    packed=layout.packer(config, whole_groups=groups),
    reference_logp=jitted_reference_logp(policy, parts),
    outputs_old=jitted_outputs_old(policy, rescored, parts),
    explore=bind(config, "explore"),
    credit=credit,
    refill=bind(config, "refill"),
    prm=build_prm(config, needs),
    online=learner,
    reweighting=reweighting,
    needs=needs,
    rescored=rescored,
  )
  first = lambda params: _with_learners(init_state(params, optimizer, objective), run)
  return run, make(first, params)


def _split(
  config: Config,
  pretrained: Pretrained,
  policy: Policy,
  objective: Objective,
  needs: frozenset[str],
  weights: Tree,
) -> tuple[Tree, Tree]:
  """What trains and what is frozen, of the weights that were loaded."""
  return trained_params(
    dataclasses.replace(pretrained, params=weights),
    config.model,
    config.seed,
    critic=objective.value_loss is not None,
    partition="log_partition" in needs,
    step_head=policy.step_head,
  )


def _with_critic(config: Config, params: Tree) -> Tree:
  """The parameters, the critic's from the run that it starts from, if any."""
  if config.model.critic_from is None:
    return params
  from jaxrl.prm.critic import start_critic  # which builds another run

  return {**params, "critic": start_critic(config, params.get("critic"))}


def _with_learners(state: TrainState, run: Run) -> TrainState:
  """The first state, with those of what learns beside the policy."""
  found = {}
  if run.online is not None:
    found["prm"] = run.online.init(state.params)
  if run.reweighting is not None:
    found["reweighting"] = run.reweighting.init(run.config.seed)
  return dataclasses.replace(state, beside=found)


def _needs(config: Config, credit: Credit, objective: Objective) -> frozenset[str]:
  """Every array that some method of the run names."""
  more = pick.all_needs(*bind(config, "refill"), *bind(config, "reweighting"))
  learner = () if config.prm_update == "never" else ("logp_ref",)
  needs = frozenset((*credit.needs, *objective.needs, *more, *learner))
  cuts = config.prm is not None and needs & {"step_scores", "step_scored", "steps"}
  by_entropy = cuts and "entropy" in pick.needs(bind(config, "cut"))
  return needs | {"entropy_old"} if by_entropy else needs


def rescored_fields(config: Config, needs: frozenset[str]) -> tuple[str, ...]:
  """Fields of PolicyOutputs that a batch is scored for before its first update."""
  fields = [field.name for field in dataclasses.fields(PolicyOutputs)]
  named = tuple(n for n in fields if n != "logp" and f"{n}_old" in needs)
  return ("logp", *named) if config.old_logp == "scorer" else named


def build_methods(config: Config) -> tuple[Credit, Objective]:
  """What the config's methods are together: the stages of credit, and the objective.

  A method that names `values_old` or `returns` brings the critic with it.

  Raises:
    UserError: a loss over groups whose micro-batches would cut them.
  """
  credit = Credit(
    rewards=bind(config, "rewards"),
    advantage=bind(config, "advantage"),
    selectors=bind(config, "selectors"),
  )
  objective = Objective(
    loss=bind(config, "loss"),
    reduction=bind(config, "reduction"),
    regularizers=bind(config, "regularizers"),
    controllers=tuple(controller() for controller in bind(config, "controllers")),
    corrections=bind(config, "corrections"),
  )
  if {*credit.needs, *objective.needs} & {"values_old", "returns"}:
    target, loss = bind(config, "value_target"), bind(config, "value_loss")
    credit = dataclasses.replace(credit, value_target=target)
    objective = dataclasses.replace(objective, value_loss=loss)
  rows = config.prompts_per_step * config.group_size // config.mini_batches
  packs = config.micro_batch_tokens > 0
  if (
    objective.needs_groups
    and not packs
    and rows // config.micro_batches % config.group_size
  ):
    raise UserError(
      f"config: {config.loss['name']} compares the responses of a group, and a "
      f"micro-batch of {rows // config.micro_batches} rows would cut groups of "
      f"{config.group_size}; take fewer micro_batches"
    )
  return credit, objective


def build_reference(
  needs: frozenset[str], policy: Policy, frozen: Tree, start: Pretrained, make: Callable
) -> Tree | None:
  """The parameters before training, where a method reads what they say."""
  if not needs & {"logp_ref", "reference_rewards"}:
    return None
  # Under LoRA the frozen base is the reference already.
  return frozen if policy.lora else make(copy, start.params)


def build_prm(config: Config, needs: frozenset[str]) -> Any:
  """The model that scores steps, where a method reads its scores."""
  if config.prm_update != "never" and "prm_log_ratio" not in needs:
    raise UserError(
      "config: prm_update trains a model that no method reads; take an advantage that "
      "reads prm_log_ratio, such as prime, or leave it at 'never'"
    )
  if not needs & {"step_scores", "step_scored", "steps", "prm_log_ratio"}:
    return None
  if config.prm_update != "never":
    return None  # the model is `Run.online`
  if config.prm is None:
    raise UserError(
      "config: a method reads what a model of steps says, and there is none; set prm "
      "to the run directory of a process reward model"
    )
  from jaxrl.prm import score_steps  # which builds that run

  width = config.sampling.max_response_tokens
  scorer = score_steps.load(config.prm, response_width=width)
  return score_steps.check_implicit(scorer) if "prm_log_ratio" in needs else scorer


def build_optimizer(
  config: Config, params: Tree
) -> tuple[optax.Schedule, optax.GradientTransformation]:
  """The policy's schedule, and the optimiser of all that trains.

  The critic has its own optimiser and rate, and its gradients are clipped by
  themselves.
  """
  updates = config.steps * config.epochs_per_batch * config.mini_batches
  schedule = bind(config, "schedule")(updates)
  transform = bind(config, "optimizer")(schedule)
  if "critic" not in params:
    return schedule, make_optimizer(transform, max_grad_norm=config.max_grad_norm)
  critic = bind(config, "critic_optimizer")(bind(config, "critic_schedule")(updates))
  both = optax.partition(
    {
      "policy": clipped(transform, config.max_grad_norm),
      "critic": clipped(critic, config.max_grad_norm),
    },
    {name: "critic" if name == "critic" else "policy" for name in params},
  )
  return schedule, make_optimizer(both, max_grad_norm=0.0)


def _moved(config: Config, kind: str, state: TrainState) -> TrainState:
  """The state, all optimisers' parts in that memory, if the config has them move."""
  if not config.offload_optimizer:
    return state
  put = lambda x: jax.device_put(x, x.sharding.with_memory_kind(kind))
  return dataclasses.replace(
    state,
    opt_state=jax.tree.map(put, state.opt_state),
    beside={name: _moved(config, kind, x) for name, x in state.beside.items()},
  )


def engine_of(config: Config) -> Engine:
  """How the sampler runs."""
  sampling = config.sampling
  return Engine(
    slots=sampling.slots,
    lookup_tokens=sampling.lookup_tokens,
    int8_weights=sampling.int8_weights,
    int8_cache=sampling.int8_cache,
  )


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
