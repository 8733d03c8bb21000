"""Rollouts whose steps are checked, and what checks and answer add up to. GroundedPRM.

Zhang et al., https://arxiv.org/abs/2510.14942; see `trees/groundedprm`.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl.prm.grow import NAN, Ask, Grower, Node
from jaxrl.search import groundedprm as rule

ROLLED_MAX = 5  # steps of a rollout


def rollouts(grower: Grower, begun: Sequence[Ask]) -> list[Node]:
  """Each node continued to its end, or by so many steps; those are wrong."""
  open_ = [ask for ask in begun if not ask.node.terminal]
  written = iter(grower.completions(open_, 1))
  found = []
  for ask in begun:
    whole = ask.node if ask.node.terminal else next(written)[0]
    most = len(ask.node.texts) + ROLLED_MAX
    if not whole.ended or len(whole.texts) > most:
      short = whole.until(min(len(whole.texts), most))
      whole = dataclasses.replace(short, terminal=True, outcome=0.0)
    found.append(whole)
  return found


def checked_values(grower: Grower, ask: Ask, whole: Node) -> list[float] | None:
  """v_j of the steps that were rolled out, F in place of the last; None without F."""
  if np.isnan(whole.outcome):
    return None
  values = grower.checks(ask.plot, whole.texts)[len(ask.node.texts) :]
  return [*values[:-1], 2 * whole.outcome - 1] if values else []


def return_of(values: Sequence[float], whole: Node) -> float:
  """u: what the checks before the last step, and the answer, add up to."""
  checks = np.full(ROLLED_MAX, NAN)
  checks[: max(len(values) - 1, 0)] = values[:-1]
  on = ~np.isnan(checks)
  checked = (np.where(on, checks, 0.0), on.astype(float), 2 * whole.outcome - 1)
  return float(_rollout_return(*(jnp.asarray(x, jnp.float32) for x in checked)))


_rollout_return = jax.jit(rule.rollout_return)
