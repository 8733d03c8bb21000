"""Only the tokens of highest entropy train. Wang et al., https://arxiv.org/abs/2506.01939.

  m_it = 0 unless H_it >= tau,  tau = k-th largest H of the batch's trained tokens,
                                k = ceil(fraction * number of trained tokens)

H is the entropy of the policy that the batch was drawn from, so the choice is the same
for all updates on the batch; the paper and TRL measure that of the policy in training.
Where the paper is silent: tokens that tie with the k-th are kept too, so everything
trains where all entropies are equal. TRL's tau is the interpolated quantile 1 -
fraction, which keeps one token fewer where the fractional part of fraction * number
lies strictly between 0 and fraction. A reduction over `mask` divides by the tokens
left; TRL divides by all of them, which here is the reduction `drawn_token_mean`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def top_entropy_tokens(
  mask: Float[Array, "B T"],
  entropy_old: Float[Array, "B T"],
  *,
  fraction: float = 0.2,
) -> Float[Array, "B T"]:
  """The mask of the tokens at which the policy forks."""
  entropy = jnp.where(mask > 0, entropy_old, -jnp.inf)
  # Just under the product: 0.2 * 35 must not round up to 8.
  share = fraction * jnp.sum(mask > 0, dtype=entropy.dtype) * (1 - 1e-6)
  rank = jnp.maximum(jnp.ceil(share).astype(jnp.int32), 1)
  threshold = jnp.sort(entropy.reshape(-1), descending=True)[rank - 1]
  return jnp.where((mask > 0) & (entropy >= threshold), mask, 0.0)
