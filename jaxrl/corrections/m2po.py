"""M2PO: masks until the second moment of the log-ratio is small. Zheng et al., https://arxiv.org/abs/2510.01161.

  w_t = 0 on the fewest tokens, largest log(pi / b)^2 first, so that
        mean over the tokens left of log(pi / b)^2 <= threshold; else 1

b is the distribution that the tokens were drawn from, pi the policy that this optimiser
step starts from, and the mean is over its whole batch. Of tokens that tie, the last in
the batch goes first. There is no other clip: use with a loss that has none.

Where the paper was not at hand: `outward_only` considers, in mean and mask alike, only
tokens with A > 0 and pi > b or A < 0 and pi < b, those that PPO's clip can touch, as
the authors' code does; AReaL considers all of them (False). The authors' code turns the
mask into a clip range that is never narrower than (0.3, 0.5), and counts clipped tokens
at the clip; AReaL always keeps a token.

`m2po_masked` counts removed tokens, `second_moment` is log(pi / b)^2 of every token.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def m2po(
  logp_now: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  threshold: float = 0.04,
  outward_only: bool = True,
) -> tuple[Float[Array, "B T"], Metrics]:
  """1 or 0 a token."""
  log_ratio = masked.log_ratio(logp_now, logp_sampling, mask)
  outward = masked.zero(advantages, mask) * log_ratio > 0
  counted = (mask > 0) & outward if outward_only else mask > 0
  moment = log_ratio**2
  order = jnp.argsort(jnp.where(counted, moment, jnp.inf).reshape(-1))
  ordered = jnp.where(counted, moment, 0.0).reshape(-1)[order]
  number = jnp.arange(1, moment.size + 1, dtype=moment.dtype)
  # Means of the k smallest grow with k, so that those that fit come first.
  fits = jnp.cumsum(ordered) / number <= threshold
  left = jnp.sum(fits & (number <= jnp.sum(counted, dtype=moment.dtype)))
  rank = jnp.argsort(order).reshape(mask.shape)
  removed = counted & (rank >= left)
  kept = masked.zero(jnp.where(removed, 0.0, 1.0), mask)
  return kept, {"m2po_masked": jnp.where(removed, 1.0, 0.0), "second_moment": moment}
