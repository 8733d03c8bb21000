"""Language-model loss on correct answers only. Yue et al., VAPO, https://arxiv.org/abs/2504.05118.

  L_i,t = -coefficient log pi  where score_i > threshold, else 0

VAPO adds it to the PPO loss (weight 0.1): name it "losses/positive_nll" among the
regularizers with that coefficient. Alone it is one step of rejection-sampling
fine-tuning. It goes by the verifier's score, not by the advantage, so a group in which
every answer is correct still trains. Rows without a verdict count as not positive.

VAPO averages over the tokens of the positive samples; here the run's reduction divides
as for every other loss, so the weight of the term falls where few are positive.

`positive_fraction` is 1 on the tokens that it trains.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def positive_nll(
  logp: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 1.0,
  threshold: float = 0.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  positive = ((score > threshold) & (scored > 0)).astype(logp.dtype)
  chosen = masked.per_token(positive, mask)
  return -coefficient * masked.zero(logp, chosen), {"positive_fraction": chosen}
