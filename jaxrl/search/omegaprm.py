"""OmegaPRM's choice of the next rollout to look into. Luo et al., https://arxiv.org/abs/2406.06592.

  Q(s, r) = alpha^(1 - MC(s)) beta^(len(r) / L)
  U(s) = c sqrt(sum_s' N(s')) / (1 + N(s))
  argmax of Q + U over pairs of a state and a wrong rollout r from it, 0 < MC(s) < 1

so that wrong rollouts which are short and start from states that are mostly right come
first: an error there is worth finding, and cheap to find. The search of the first error
by halving, which makes new states, belongs to the labels of steps. After it N(s) += 1,
as in the paper (a public implementation counts when MC(s) is made). L is in the unit of
`length`, which is tokens in the paper and words there.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

NO_PAIR = -1  # in place of a state: nothing, or a rollout that has been looked into


def omegaprm(
  mc: Float[Array, " S"],
  visits: Int[Array, " S"],
  state: Int[Array, " P"],
  length: Float[Array, " P"],
  *,
  alpha: float = 0.5,
  beta: float = 0.9,
  scale: float = 500.0,
  exploration: float = 0.125,
) -> Float[Array, " P"]:
  """Q + U of each pair; -inf on pairs that are not in the pool.

  Args:
    mc: share of right continuations of each state.
    visits: searches that started from each state.
    state: of each pair, NO_PAIR where there is none.
    length: of each pair's wrong rollout.
    alpha: how much a state that is mostly wrong is held back.
    beta: how much a long rollout is.
    scale: L.
    exploration: c.
  """
  pooled = state != NO_PAIR
  state = jnp.maximum(state, 0)
  share = mc[state]
  q = alpha ** (1 - share) * beta ** (length / scale)
  u = exploration * jnp.sqrt(jnp.sum(visits)) / (1 + visits[state])
  return jnp.where(pooled & (share > 0) & (share < 1), q + u, -jnp.inf)
