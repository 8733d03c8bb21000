"""A verdict on a step: its match with the label, and calibration. Zou et al., TaTToo,
https://arxiv.org/abs/2510.06217, section on its RL stage.

  s_i = [v_i = r_i] + calibration log max(R_i, 0.001)
  R_i = p_i where the verdict is right, 1 - p_i where it is wrong

p_i is the probability of the verdict that was sampled, so R_i is that of the true label
where the two verdicts share all of the mass. It is read at the row's last
`verdict_tokens` tokens before the stop token: the answer has to end in its verdict, as
form "table" of `prm.judgement` asks. No gradient flows through it, as through no
reward. The paper's third term, lambda_tool times support, is the reward `tool_support`;
the sum of both is its s.

A response without a verdict that can be read has no match and R = 0. Where the
paper is silent: lambda is 1, and 0.001, against log 0. A step's prompt is a problem
of its own, so a group's normalisation is the one over the samples of a step. Rows
without a score get 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked

FLOOR = 1e-3  # of a probability whose log is taken


def tattoo(
  logp_old: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  truncated: Float[Array, " B"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  formatted: Float[Array, " B"],
  *,
  calibration: float = 1.0,
  verdict_tokens: int = 1,
) -> Float[Array, " B"]:
  """One reward a row."""
  behind = jnp.sum(mask, axis=1, keepdims=True) - jnp.cumsum(mask, axis=1)
  # A truncated row has no stop token, and its last token may be the verdict.
  first = jnp.where(truncated > 0, 0.0, 1.0)[:, None]
  of_verdict = (behind >= first) & (behind < first + verdict_tokens)
  of_verdict = jnp.where(of_verdict, mask, 0.0)
  p = jnp.exp(masked.sum_per_row(logp_old, of_verdict)[:, 0])
  right = score > 0.5
  true_label = jnp.where(right, p, 1.0 - p)
  true_label = jnp.where(formatted > 0, true_label, 0.0)
  match = right.astype(logp_old.dtype)
  reward = match + calibration * jnp.log(jnp.maximum(true_label, FLOOR))
  return jnp.where(scored > 0, reward, 0.0)
