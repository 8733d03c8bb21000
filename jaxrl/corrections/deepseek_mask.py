"""Off-policy sequence masking. DeepSeek-V3.2, https://arxiv.org/abs/2512.02556.

  M_i,t = 0 where A_i,t < 0 and mean_s log(b / pi) > threshold, else 1

Failures that the policy would hardly write any more teach little and disturb much;
successes stay however old they are. The mean is over the trained tokens s of response
i. b is the distribution that they were drawn from, pi the policy that this optimiser
step starts from, so staleness and the difference of sampler and trainer both count.

The paper names no threshold: 0.5 is that of TRL's documentation, whose
off_policy_mask_threshold this is; slime's OPSM has 1e-4 and the trainer's own policy
before the update in the place of b.

`off_policy_masked` counts tokens that M removes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def deepseek_mask(
  logp_now: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  threshold: float = 0.5,
) -> tuple[Float[Array, "B T"], Metrics]:
  """1 or 0 a token."""
  log_ratio = masked.log_ratio(logp_sampling, logp_now, mask)
  far = masked.mean_per_row(log_ratio, mask) > threshold
  bad = masked.zero(advantages, mask) < 0
  removed = jnp.broadcast_to(far, mask.shape) & bad & (mask > 0)
  kept = masked.zero(jnp.where(removed, 0.0, 1.0), mask)
  return kept, {"off_policy_masked": jnp.where(removed, 1.0, 0.0)}
