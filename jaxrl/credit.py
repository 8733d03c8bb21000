"""Scored rollouts -> rollouts with rewards, a final mask and advantages. Pure."""

from collections.abc import Callable
from dataclasses import replace

from jaxrl.pick import call
from jaxrl.types import Rollouts


def assign(
  batch: Rollouts,
  *,
  rewards: tuple[Callable, ...],
  selectors: tuple[Callable, ...],
  advantage: Callable,
) -> Rollouts:
  """The stages between verifier and loss, in their order.

  Advantages come first of all from every scored row: a row that a selector then leaves
  out still counts in the baseline of its group. Rows without a score never train.
  """
  batch = replace(batch, mask=batch.mask * batch.scored[:, None])
  batch = replace(batch, rewards=sum(call(reward, batch) for reward in rewards))
  batch = replace(batch, advantages=call(advantage, batch))
  for selector in selectors:
    batch = replace(batch, mask=call(selector, batch))
  return batch
