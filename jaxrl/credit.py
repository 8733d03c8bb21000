"""Scored rollouts -> rollouts with rewards, credit and a final mask. Pure."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked, pick
from jaxrl.types import Rollouts

TEXT = ("problem", "response")  # what a reward reads that runs in the workers


@dataclasses.dataclass(frozen=True)
class Credit:
  """The stages between verifier and loss."""

  rewards: tuple[Callable, ...]
  advantage: Callable
  selectors: tuple[Callable, ...] = ()
  value_target: Callable | None = None  # only where there is a critic

  @property
  def text_rewards(self) -> tuple[Callable, ...]:
    """The rewards that read text: their values come with the verdicts."""
    return tuple(reward for reward in self.rewards if pick.needs(reward) == TEXT)

  @property
  def needs(self) -> tuple[str, ...]:
    """Every array that some stage reads, by name."""
    rewards = [reward for reward in self.rewards if pick.needs(reward) != TEXT]
    target = () if self.value_target is None else (self.value_target,)
    return pick.all_needs(*rewards, self.advantage, *self.selectors, *target)

  def assign(self, batch: Rollouts) -> Rollouts:
    """All stages in their order.

    Advantages come before selectors, from every scored row: a row that a selector
    leaves out still counts in the baseline of its group. Rows without a score never
    train.
    """
    batch = reward(batch, self.rewards)
    batch = replace(batch, advantages=pick.call(self.advantage, batch))
    if self.value_target is not None:
      batch = replace(batch, returns=pick.call(self.value_target, batch))
    for selector in self.selectors:
      batch = replace(batch, mask=pick.call(selector, batch))
    return batch


def reward(batch: Rollouts, rewards: tuple[Callable, ...]) -> Rollouts:
  """Fills in `rewards` and its parts; what is given per row falls on the last token."""
  batch = replace(batch, mask=batch.mask * batch.scored[:, None])
  batch = replace(batch, drawn=batch.mask)
  per_row, per_token, parts = (
    jnp.zeros_like(batch.score),
    jnp.zeros_like(batch.mask),
    [],
  )
  texts = 0
  for method in rewards:
    if pick.needs(method) == TEXT:
      value, texts = batch.text_rewards[:, texts], texts + 1
    else:
      value = pick.call(method, batch)
    if value.ndim == 1:
      per_row = per_row + value
    else:
      per_token = per_token + masked.zero(value, batch.mask)
      value = jnp.sum(masked.zero(value, batch.mask), axis=1)
    parts.append(value)
  return replace(
    batch,
    rewards=per_row + jnp.sum(per_token, axis=1),
    token_rewards=at_last_token(per_row, batch.mask) + per_token,
    reward_parts=jnp.stack(parts, axis=1),
  )


def at_last_token(
  per_row: Float[Array, " B"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """A number a row, on its last trained token; rows without tokens have none."""
  return jnp.where(masked.last_token(mask) > 0, per_row[:, None], 0.0)
