"""DRO per token: policy gradient with a squared log-ratio. Richemond et al., https://arxiv.org/abs/2405.19107.

  L_t = -(A_t log pi - beta / 2 (log pi / pi_old)^2)

The paper's loss is 1/2 (r - V - beta log pi / ref)^2 of a whole response, whose
gradient in pi is beta times that of -(r - V) log pi + beta / 2 (log pi / ref)^2. This
is the token's form of verl and Tinker, with pi_old in the place of the reference. No
ratio weighs the advantage: data may be old. verl has no default beta; 0.1 is that of
ROLL's kimi15, which is the same loss. `kimi` squares the response's log-ratio instead.

`log_ratio_squared` is what beta / 2 multiplies.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def dro(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  squared = masked.log_ratio(logp, logp_old, mask) ** 2
  gain = masked.zero(advantages, mask) * masked.zero(logp, mask)
  return masked.zero(0.5 * beta * squared - gain, mask), {"log_ratio_squared": squared}
