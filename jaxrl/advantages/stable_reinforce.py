"""StableReinforce's advantage filter. Zhang et al., R1-Reward, https://arxiv.org/abs/2505.02835.

  G_t = R_t + discount * G_(t+1)
  z_t = (G_t - mean) / sqrt(var + epsilon)
  A_t = z_t where |z_t| <= limit, else 0

REINFORCE++ followed by a three-sigma rule: where nearly every reward is the same, the
odd one out gets a z-score that would rule the batch, and the filter drops it. Dropped
tokens count in mean and variance and stay in the loss's denominator. The other half of
the method is the loss `stable_reinforce`.

Mean and variance are over all trained tokens, the variance divided by n, as in the
authors' code, which takes the larger of variance and 1e-8 where this adds it, and
compares z with mean +- 3 instead of +- 3: a slip where the mean is not 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def stable_reinforce(
  token_rewards: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  discount: float = 1.0,
  epsilon: float = 1e-8,
  limit: float = 3.0,
) -> Float[Array, "B T"]:
  """Whitened reward-to-go of each trained token, outliers set to 0."""
  returns = masked.to_go(token_rewards, mask, discount)
  z = masked.whiten(returns, mask, epsilon=epsilon, ddof=0)
  return jnp.where(jnp.abs(z) <= limit, z, jnp.zeros_like(z))
