"""An implicit process reward model that learns from the policy's own responses.

As in PRIME, Cui et al., https://arxiv.org/abs/2502.01456: it starts where the policy
does, and at every step

  phi <- optimiser(phi, grad of prm_loss on the outcomes of this step's responses)
  q_t  = log pi_phi(y_t) - log pi_ref(y_t)

with ref the model before training, for both. `prm_update` says whether q is of phi
"before" the scoring (the model has seen the responses that it scores) or "after" it:
the authors' two variants. There is one optimiser step on all the rows of a batch that
have a score, whatever the policy does in mini-batches; its gradient is clipped by
`prm_max_grad_norm`. No log-probs of the sampler are read, so the policy's steps and the
model's do not depend on each other within a batch.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxrl import pick
from jaxrl.config import Config, bind
from jaxrl.errors import UserError
from jaxrl.objective import Objective
from jaxrl.policy import Policy, copy
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from jaxrl.types import Metrics, Rollouts, TrainState, Tree

REDUCTION = "sequence_mean"  # what losses on outcomes are written for


@dataclasses.dataclass(frozen=True)
class OnlineModel:
  """The parts that never change; its parameters are `TrainState.beside["prm"]`."""

  scores_updated: bool  # whether a batch is scored by what has learnt from it
  whole_groups: bool  # whether its loss compares the responses of a group
  init: Callable[[Tree], TrainState]  # from the policy's parameters
  step: Callable[[TrainState, Tree, Rollouts], tuple[TrainState, Metrics]]
  logp: Callable[[Tree, Tree, Rollouts], jax.Array]

  def __call__(
    self, state: TrainState, frozen: Tree, batch: Rollouts
  ) -> tuple[TrainState, jax.Array, Metrics]:
    """The model after a step on the batch, q [B, T] of the batch, and metrics.

    The batch has `logp_ref`, and is laid out for the model. The state that was given
    stays as it was: a step that is not taken in the end has changed nothing.
    """
    scored = batch.mask * batch.scored[:, None]
    rows = dataclasses.replace(batch, mask=scored, logp_old=None)
    after, metrics = self.step(state, frozen, rows)
    scorer = after if self.scores_updated else state
    ratio = self.logp(scorer.params, frozen, batch) - batch.logp_ref
    kept = ("loss", "implicit_reward", "outcome_accuracy", "grad_norm")
    shown = {f"prm_{name}": metrics[name] for name in kept if name in metrics}
    return after, ratio, shown


def build(config: Config, policy: Policy) -> OnlineModel | None:
  """The model that a config asks for, over the policy's decoder.

  Raises:
    UserError: a fixed model too, or a loss that trains no implicit model.
  """
  if config.prm_update == "never":
    return None
  if config.prm is not None:
    raise UserError(
      f"config: prm {config.prm!r} is a fixed model, and prm_update "
      f"{config.prm_update!r} trains one beside the policy; set one of the two"
    )
  objective = Objective(bind(config, "prm_loss"), pick.pick("reductions", REDUCTION))
  if "logp_ref" not in objective.needs:
    raise UserError(
      f"config: prm_loss {config.prm_loss['name']} trains no implicit model, which the "
      "policy's responses are scored by; take one such as implicit_ce"
    )
  parts = config.micro_batches * config.mini_batches
  rows = config.prompts_per_step * config.group_size // parts
  packs = config.micro_batch_tokens > 0
  if objective.needs_groups and not packs and rows % config.group_size:
    raise UserError(
      f"config: prm_loss {config.prm_loss['name']} compares the responses of a group, "
      f"and parts of {rows} rows would cut groups of {config.group_size}; take fewer "
      "micro_batches"
    )
  schedule = bind(config, "prm_schedule")(config.steps)
  optimizer = make_optimizer(
    bind(config, "prm_optimizer")(schedule), max_grad_norm=config.prm_max_grad_norm
  )
  step = make_train_step(policy.forward, objective, optimizer, micro_batches=parts)

  def logp(params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    said = policy.outputs_old(
      params, frozen, batch, needs=("logp",), micro_batches=parts
    )
    return jnp.asarray(said.logp)

  return OnlineModel(
    scores_updated=config.prm_update == "before",
    whole_groups=objective.needs_groups,
    init=lambda params: init_state(
      {"policy": copy(params["policy"])}, optimizer, objective
    ),
    step=jax.jit(step),
    logp=jax.jit(logp),
  )
