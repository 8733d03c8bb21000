"""A critic that starts as a process reward model: line-level PPO's "ValueInit".

Dai et al., https://arxiv.org/abs/2410.17621: a model that has learned how a program
will end from each of its lines is a critic already. Its head's number is the first
value: of a head that `value_mse` has trained on +-1, about the label, as tanh z is
about z.
"""

import jax

from jaxrl.config import Config
from jaxrl.errors import UserError
from jaxrl.prm import score_steps
from jaxrl.types import Tree


def start_critic(config: Config, first: Tree | None) -> Tree:
  """The model of steps in `model.critic_from` as the critic, in place of `first`.

  Raises:
    UserError: no method reads a critic, or that model has another shape.
  """
  where = f"config: model.critic_from {config.model.critic_from!r}"
  if first is None:
    raise UserError(
      f"{where}: no method reads what a critic says; take an advantage that reads "
      "values_old, such as gae, or leave critic_from out"
    )
  trained = score_steps.load(str(config.model.critic_from))
  head = trained.params.get("step_head", {})
  found = {"trunk": trained.params["policy"], "head": head}
  shapes = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
  # What adapters say depends on the base below them.
  other_base = config.model.lora_rank > 0 and (
    trained.run.config.model.path != config.model.path
  )
  if shapes(found) != shapes(first) or other_base:
    raise UserError(
      f"{where}: its model or its head has another shape than a critic of this run; "
      "take one of the same model and the same LoRA, whose head has one output and no "
      "hidden layer"
    )
  return found
