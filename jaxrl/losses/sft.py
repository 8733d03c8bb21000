"""Supervised fine-tuning on the rows that are left. Dong et al., RAFT, https://arxiv.org/abs/2304.06767.

  L_t = -log pi

on every trained token, whatever its reward. With a selector that keeps each prompt's
best samples this is RAFT, or rejection-sampling fine-tuning; `positive_nll` picks by
score in the loss instead. On a data set's own answers it is instruction tuning. log pi
is tempered as the row was sampled: the model's own at temperature 1.

`nll` is the same number.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def sft(
  logp: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  nll = masked.zero(-logp, mask)
  return nll, {"nll": nll}
