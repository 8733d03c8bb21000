"""AsymRE: REINFORCE with a lowered baseline. Arnal et al., https://arxiv.org/abs/2506.20520.

  L_i,t = -(A_i,t - baseline_shift) log pi,  A_i,t = r_i - mean_g

For responses of an older policy, with no ratio and no clip: there a baseline below the
mean reward learns more from right answers than from wrong ones, and one above it makes
the policy collapse. So `baseline_shift`, the paper's delta V, is negative. Groups whose
rewards are equal train too, each response with the weight -baseline_shift.

Use with the advantage `group_mean`, whose reward minus mean the formula starts from,
and with `sequence_sum`: the paper's log pi is of the whole response. The default is
Trinity-RFT's, which gives a group of one no shift; here it has the weight
-baseline_shift, unless `group_mean` keeps its reward.

`weight` is what multiplies -log pi.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def asymre(
  logp: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  baseline_shift: float = -0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  weight = masked.zero(advantages - baseline_shift, mask)
  return -weight * masked.zero(logp, mask), {"weight": weight}
