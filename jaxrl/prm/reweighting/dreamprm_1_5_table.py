"""A weight for each training item. DreamPRM-1.5, Cao and Xie, https://arxiv.org/abs/2509.05542.

  w_i = clip(u_i, lower, upper)

of the solution that row i holds, by its number in the training file: the paper's
Instance Table. u is 1 at first, which is training without weights. The lower bound is
the authors' -1: a row may be learnt from in reverse; 0 forbids that.

Where u is at a bound or beyond, it has no gradient that would push it further out, and
the one that brings it back is whole. The authors' clip has none of either kind, so that
what an optimiser has once carried over a bound stays there for good.

See `prm.bilevel` for how u is learnt. The model's own loss is `step_ce` as a mean over
a row's steps, u's `outcome_of_mean`; config prm/dreamprm_1_5 has them together, and
prm/dreamprm_1_5_net the paper's other form, the Instance Net `dreamprm_1_5_net`.

Id: dreamprm_1_5
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def dreamprm_1_5_table(
  instance_weights: Float[Array, " I"],
  instance: Int[Array, " B"],
  *,
  lower: float = -1.0,
  upper: float = 3.0,
) -> Float[Array, " B"]:
  """The weight of each row's solution."""
  return _within(lower, upper, instance_weights[instance])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _within(lower: float, upper: float, u: Array) -> Array:
  return jnp.clip(u, lower, upper)


def _forward(lower: float, upper: float, u: Array) -> tuple[Array, Array]:
  return _within(lower, upper, u), u


def _backward(lower: float, upper: float, u: Array, grad: Array) -> tuple[Array]:
  # A positive gradient moves u down.
  outward = ((u <= lower) & (grad > 0)) | ((u >= upper) & (grad < 0))
  return (jnp.where(outward, 0.0, grad),)


_within.defvjp(_forward, _backward)
