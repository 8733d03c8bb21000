"""A*-PO: reward minus the optimal value. Brantley et al., https://arxiv.org/abs/2505.20686.

  A_i = r_i - V,  V = beta1 log mean_k exp(r_k / beta1)

for every token of response i, with r_k the rewards of samples of the reference model
for the same prompt: V is the best value that a policy can reach if moving away from the
reference costs beta1 * KL. One response a prompt is enough. The paper regresses beta2
log(pi / ref) of the response on A_i: that is a loss. Entries that are NaN are left out;
a prompt with none left gets 0, because no value is known (the paper always has some).
TRL's a2po also drops prompts that no sample solved: a selector's part.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def a_star(
  rewards: Float[Array, " B"],
  reference_rewards: Float[Array, "B K"],
  scored: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta1: float = 0.5,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  drawn = ~jnp.isnan(reference_rewards)
  count = jnp.sum(drawn.astype(rewards.dtype), axis=1)
  known = (count > 0) & (scored > 0)
  tilted = jnp.where(drawn, reference_rewards / beta1, -jnp.inf)
  tilted = jnp.where(count[:, None] > 0, tilted, 0.0)
  total = jax.nn.logsumexp(tilted, axis=1)
  value = beta1 * (total - jnp.log(jnp.maximum(count, 1.0)))
  return masked.per_token(jnp.where(known, rewards - value, 0.0), mask)
