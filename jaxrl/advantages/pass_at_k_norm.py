"""Pass@k Training: z-score of a subset's success. Chen et al., https://arxiv.org/abs/2508.10751.

  R = 1 - C(wrong, k) / C(n, k),  s = sqrt(R (1 - R))
  A_right = (1 - R) / s
  A_wrong = (1 - R - C(wrong - 1, k - 1) / C(n - 1, k - 1)) / s

Each k-subset of the group's n responses is rewarded 1 if any of it is right; R and s
are mean and deviation of that reward over all subsets, and a response's advantage is
the mean over the subsets that it is in. A response is right if its reward exceeds
`threshold` (the paper's rewards are 0 and 1). Where the paper is silent: s = 0, which
is a group all wrong or with fewer than k wrong, gives 0; a group smaller than k is one
subset, and gets 0; unscored rows are no part of n and get 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def pass_at_k_norm(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  k: int = 4,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  is_wrong = jnp.where((scored > 0) & ~(rewards > threshold), 1.0, 0.0)
  count, wrong = segments.total(scored, group), segments.total(is_wrong, group)
  size = jnp.minimum(count, k)
  fail = segments.share_of_subsets(wrong, count, size, largest=k)
  std = jnp.sqrt(fail * (1 - fail))
  fail_with_it = segments.share_of_subsets(
    wrong - 1, count - 1, size - 1, largest=k - 1
  )
  gain = fail - is_wrong * fail_with_it
  has_gradient = (fail > 0) & (fail < 1) & (scored > 0)
  advantage = jnp.where(has_gradient, gain / jnp.where(std > 0, std, 1.0), 0.0)
  return masked.per_token(advantage, mask)
