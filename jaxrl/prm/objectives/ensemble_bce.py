"""Heads that vote on what is worth a label. ActPRM, Duan et al., https://arxiv.org/abs/2504.10559.

  p_mt = sigmoid(z_mt),  mu_t = mean_m p_mt,  s_t = std_m p_mt (over M - 1)
  f    = first step t with mu_t < 1/2, else the last one
  a row is trusted where, at all t <= f,
         s_t <= delta_std and (mu_t >= delta_p or mu_t <= 1 - delta_p)
  L_t  = mean_m (-y_t log p_mt - (1 - y_t) log(1 - p_mt)), and 0 in trusted rows

of M = `outputs` heads at each labelled step t. A trusted row teaches nothing that the
heads do not know, and in the paper is never sent to the judge that writes labels. What
is trusted has no gradient, is found for each row by itself, and looks only at steps
that the mask has. A solution's score is mean_m p.

A trusted row has loss 0 but still counts in what the reduction divides by, where the
paper's mean is over the rows left; so there is no 0 / 0 where none is. Thresholds are
the paper's as remembered: the released script has 5 and -1, with which no row is
trusted, as with any delta_std below 0. One head has s = 0. The paper's regularizer,
which holds the parameters of the heads near their first values, is the optimizer
`adamw_near_start`, as a loss does not see parameters; not here is dropping heads at
random, which its runs do not use. The heads have to be `model.step_heads_apart`: those
that share layers and start at 0 get the same gradient and never differ.

`step_accuracy` is 1 where mu and y are on one side of 1/2, `trusted` 1 in such rows.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def ensemble_bce(
  step_outputs: Float[Array, "B T C"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 32,
  delta_p: float = 0.95,
  delta_std: float = 0.005,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Mean cross-entropy of the heads at each labelled step, 0 where masked."""
  if step_outputs.shape[-1] != outputs:
    raise ValueError(
      f"ensemble_bce: outputs is {outputs}, the head has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  labels = masked.zero(step_labels, mask)
  right, wrong = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
  y = labels[:, :, None]
  loss = jnp.mean(-y * right - (1 - y) * wrong, axis=-1)

  probs = jax.nn.sigmoid(jax.lax.stop_gradient(logits))
  mean = jnp.mean(probs, axis=-1)
  spread = jnp.std(probs, axis=-1, ddof=1) if outputs > 1 else jnp.zeros_like(mean)
  doubted = ((mask > 0) & (mean < 0.5)).astype(jnp.int32)
  # Up to the first doubted step, itself included.
  counted = (mask > 0) & (jnp.cumsum(doubted, axis=1) - doubted == 0)
  sure = (spread <= delta_std) & ((mean >= delta_p) | (mean <= 1 - delta_p))
  trusted = jnp.all(sure | ~counted, axis=1).astype(mask.dtype)
  trusted = masked.per_token(trusted, mask)

  agree = ((mean > 0.5) == (labels > 0.5)).astype(loss.dtype)
  metrics = {"step_accuracy": masked.zero(agree, mask), "trusted": trusted}
  return masked.zero((1 - trusted) * loss, mask), metrics
