"""PKPO: unbiased gradient of the best of k. Walder & Karkhanis, https://arxiv.org/abs/2505.15201.

  A_i = n / C(n, k) sum_{I with i} (max_{j in I} r_j - max_{j in I, j != i} r_j)
      = k mean_{J without i} max(r_i - max_{j in J} r_j, 0)

over the k-subsets I and (k - 1)-subsets J of the n scored rows of the group: the
paper's leave-one-out estimator s^(loo-1), which it recommends for its variance, times
n, because the reductions average over rows where the paper sums. Its expectation is the
gradient of E[max of k rewards], and of pass@k for rewards of 0 and 1. k = n is
`grpo_passk` times n. For k = 1 the subset without i is empty and the baseline is the
mean of the others, which makes it `rloo`; the paper defines no loo-1 there. Where the
paper is silent: in a group smaller than k, k is its size; a row that is alone gets 0,
as do unscored rows. In O(B^2), as plain as it gets.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def pkpo(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  k: int = 4,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  others = segments.others(group, scored)
  known = jnp.where(scored > 0, rewards, 0.0)
  count = jnp.where(scored > 0, jnp.sum(others, axis=1) + 1, 1.0)
  ahead = known[:, None] - known[None, :]
  if k == 1:
    gain = jnp.sum(others * ahead, axis=1) / jnp.maximum(count - 1, 1.0)
    return masked.per_token(jnp.where(scored > 0, gain, 0.0), mask)
  # j is the best of a subset with i left out if the rest of it ranks below j. Where r_i
  # exceeds r_j, i is not among those below j, so the rank needs no i.
  first = jnp.arange(len(known))[:, None] > jnp.arange(len(known))[None, :]
  is_below = (ahead > 0) | ((ahead == 0) & first)
  below = jnp.sum(jnp.where(is_below, others, 0.0), axis=1)
  size = jnp.minimum(count, k)
  is_best = (size - 1) / jnp.maximum(count - 1, 1.0)
  is_best = is_best * segments.share_of_subsets(
    below, count - 2, size - 2, largest=k - 2
  )
  gain = jnp.sum(others * jnp.maximum(ahead, 0.0) * is_best[None, :], axis=1)
  return masked.per_token(jnp.where(scored > 0, size * gain, 0.0), mask)
