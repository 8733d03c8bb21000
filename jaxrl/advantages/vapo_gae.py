"""VAPO: GAE whose lambda grows with length. Yue et al., https://arxiv.org/abs/2504.05118.

  lambda = 1 - 1 / (alpha * l)
  delta_t = R_t + discount * V_(t+1) - V_t,  A_t = delta_t + discount * lambda * A_(t+1)

with l the number of trained tokens of the response: a reward at the end then reaches a
share of the response that does not shrink with its length. A response so short that
lambda would be negative has 0 (the paper is silent). The critic learns from lambda 1:
see the value target `lambda_return`. The rest, masked tokens, the end of a response and
`whiten` with epsilon and n - 1, is as in `gae`; the paper does not say whether it
whitens.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def vapo_gae(
  token_rewards: Float[Array, "B T"],
  values_old: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 0.05,
  discount: float = 1.0,
  whiten: bool = True,
  epsilon: float = 1e-8,
) -> Float[Array, "B T"]:
  """One advantage a trained token."""
  length = jnp.maximum(jnp.sum(mask, axis=1, keepdims=True), 1.0)
  lambda_ = jnp.maximum(1 - 1 / (alpha * length), 0.0)
  delta = masked.td_error(token_rewards, values_old, mask, discount)
  advantage = masked.to_go(delta, mask, discount * lambda_)
  if whiten:
    advantage = masked.whiten(advantage, mask, epsilon=epsilon, ddof=1)
  return advantage
