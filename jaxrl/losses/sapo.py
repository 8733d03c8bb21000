"""SAPO: a soft gate in place of the clip. Gao et al., https://arxiv.org/abs/2511.20347.

  L_t = -(4 / tau) sigmoid(tau (r_t - 1)) A_t,  r_t = pi / pi_old
  tau = temperature_pos where A_t > 0, else temperature_neg

The gradient weighs grad log pi by r_t A_t sech^2(tau (r_t - 1) / 2): REINFORCE at
r_t = 1, fading smoothly on either side, faster for negative advantages, whose gradients
raise many unlikely tokens at once. The value at r_t = 1 is -2 A_t / tau, so values of
this loss compare with those of no other. The paper averages per sequence, then over
sequences: use with `sequence_mean`, as TRL and verl do.

`gate` is sech^2, the part of the gradient that is left.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def sapo(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  temperature_pos: float = 1.0,
  temperature_neg: float = 1.05,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp, logp_old, mask))
  advantages = masked.zero(advantages, mask)
  temperature = jnp.where(advantages > 0, temperature_pos, temperature_neg)
  soft = jax.nn.sigmoid(temperature * (ratio - 1))
  loss = masked.zero(-4 / temperature * soft * advantages, mask)
  gate = masked.zero(4 * soft * (1 - soft), mask)
  return loss, {"ratio": masked.zero(ratio, mask), "gate": gate}
