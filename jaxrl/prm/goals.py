"""How near a response's states are to those that right solutions end in.

Goal-conditioned RM, Nath et al., https://arxiv.org/abs/2407.13887, at inference, with a
model that `objectives/goal_conditioned_rm` has trained:

  goal = mean of the last states of right solutions,  Q_t = cos(h_t, goal)
  a sample is kept where Q_t > threshold at all its tokens

Votes are among the samples that are kept, or among all where none is:
`search/answers.filter_vote`, in the search `strategies/goal_conditioned_rm`. The tokens
behind the first Q_t <= threshold need not have been written. A state is read before a
token, so the last one is that before the stop.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxrl import masked
from jaxrl.build import Run
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.policy import Policy
from jaxrl.tasks.labelled_steps import read_problems
from jaxrl.types import Rollouts, Tree


def states(run: Run, params: Tree, batch: Rollouts) -> Float[Array, "B T D"]:
  """The model's states before the tokens of the mask; rows are `train` "responses"."""
  return _states(run.policy)(params, run.frozen, batch)


@functools.cache
def _states(policy: Policy) -> Callable[[Tree, Tree, Rollouts], jax.Array]:
  @jax.jit
  def said(params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    return jnp.asarray(policy.forward(params, frozen, batch, ("states",)).states)

  return said


def goal_of(run: Run, params: Tree, path: str, *, batch_rows: int) -> Float[Array, "D"]:
  """The goal of the right solutions in a labelled file, but those that are cut off.

  Raises:
    UserError: there is none.
  """
  right = [
    (problem, one)
    for problem in read_problems(path, "error")
    for one in problem.data["solutions"]
    if one["outcome"] is not None and one["outcome"] > 0.5
  ]
  policy = dataclasses.replace(run.policy, responses_per_row=1)
  alone = dataclasses.replace(run, policy=policy)
  total, count = jnp.zeros(run.policy.decoder.config.embed_dim), jnp.zeros(())
  for start in range(0, len(right), batch_rows):
    part = right[start : start + batch_rows]
    # Filled up to one shape, with rows of nothing.
    problems, found = zip(
      *part, *[(part[-1][0], None)] * (batch_rows - len(part)), strict=True
    )
    batch = rows_of(alone, problems, found, train="responses")
    whole = batch.score * (1 - batch.truncated)
    number = jnp.sum(whole > 0.5)
    made = goal(states(alone, params, batch), whole, batch.mask)
    total, count = total + made * number, count + number
  if not count:
    raise UserError(
      f"{path}: no solution is right and short enough to be read to its end, so that "
      "there is no goal; label more problems"
    )
  return total / count


def goal(
  states: Float[Array, "B T D"], score: Float[Array, " B"], mask: Float[Array, "B T"]
) -> Float[Array, " D"]:
  """The mean last state of the rows whose score is over 1/2; 0 where there is none."""
  last = masked.last_token(mask) * (score > 0.5)[:, None]
  total = jnp.sum(states * last[:, :, None], axis=(0, 1))
  return total / jnp.maximum(jnp.sum(last), 1.0)


def similarities(
  states: Float[Array, "B T D"], goal: Float[Array, " D"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Q of each token, 0 where masked."""
  size = lambda x: jax.lax.rsqrt(jnp.sum(x**2, axis=-1) + 1e-12)
  return masked.zero((states @ goal) * size(states) * size(goal), mask)


def kept(
  similarity: Float[Array, "B T"], mask: Float[Array, "B T"], *, threshold: float
) -> tuple[Bool[Array, " B"], Float[Array, " B"]]:
  """Which rows are kept, and how many tokens of each stand behind the first low one."""
  low = (mask > 0) & (similarity <= threshold)
  after = (jnp.cumsum(low, axis=1) - low > 0) & (mask > 0)
  return ~jnp.any(low, axis=1), jnp.sum(after, axis=1, dtype=mask.dtype)
