"""The outcome from the mean probability of steps. DreamPRM-1.5, Cao and Xie, https://arxiv.org/abs/2509.05542.

  c_i = mean_t softmax(z_t)[o_i],  L_i = (c_i - 1)^2

over the marked steps t of row i, repeated on each of them: use with `sequence_mean`. o
is 1, "right", where the outcome's `score` is over 1/2, else 0, "wrong"; steps need no
labels. It is the paper's upper loss, by which its weights of training items are learnt
(config field `meta_loss`), in the form of the authors' script, "both".

Their other form, (mean_t softmax(z_t)[1] - o)^2, is the same number, as two classes
share 1: only their softmax over the whole vocabulary makes them differ, which a head of
two outputs has not. A solution's score is mean_t softmax(z_t)[1].

`outcome_accuracy` is 1 where c is over 1/2.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def outcome_of_mean(
  step_outputs: Float[Array, "B T C"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 2,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Each row's loss on its marked steps, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == 2:
    raise ValueError(
      f"outcome_of_mean needs a step head of 2 outputs; outputs is {outputs} and the "
      f"head has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  probs = jax.nn.softmax(logits, axis=-1)
  of_outcome = jnp.where(score[:, None] > 0.5, probs[..., 1], probs[..., 0])
  mean = masked.mean_per_row(of_outcome, mask)[:, 0]
  agree = (mean > 0.5).astype(mean.dtype)
  return masked.per_token((mean - 1) ** 2, mask), {
    "outcome_accuracy": masked.per_token(agree, mask)
  }
