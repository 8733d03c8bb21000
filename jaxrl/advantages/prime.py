"""PRIME: an implicit process reward on every token. Cui et al., https://arxiv.org/abs/2502.01456.

  q_t = log pi_prm(y_t) - log pi_ref(y_t),    q_t /= max |sum_(s >= t) q_s| + 1e-6
  L(r)_it = n / (n - 1) (r_it - mean_(j in g) mean_t r_jt)    on tokens that have an r
  G_t = process_coefficient L(q)_t + outcome_coefficient L(R)_t + discount G_(t+1)
  A_t = (G_t - mean) / sqrt(var + 1e-8)    over the batch's trained tokens

with q on all trained tokens, R the config's `rewards` on a response's last token, and n
the rows of group g. Each source is centred by itself, leaving one response out: L sums
to 0 over the means of a group. This is the paper's own repository: q is not multiplied
by beta there, and the division by the largest return (`batch_norm`) is its default. It
is over the batch here and over a worker's part of it there. G steps over masked tokens.

Where it is silent: outcome_coefficient is 1 (process_coefficient 5 is its script's);
one discount for both sources; a group of one has no baseline, so L is r; rewards
without spread leave exactly 0; tokens that differ by no more than rounding get A 0, and
padding has no part in it. Rows without a score must be masked, as the train loop does.
`prime_recipe` is verl's. The process reward model is trained by
prm/objectives/implicit_ce on the policy's own responses (prm/online); prompts are kept
by selectors/difficulty_range. The configs prime and prime_after are the whole.

Id: prime
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def prime(
  prm_log_ratio: Float[Array, "B T"],
  rewards: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  process_coefficient: float = 5.0,
  outcome_coefficient: float = 1.0,
  discount: float = 1.0,
  batch_norm: bool = True,
) -> Float[Array, "B T"]:
  """Whitened returns of both sources, for each trained token."""
  process, last = masked.zero(prm_log_ratio, mask), masked.last_token(mask)
  if batch_norm:
    largest = jnp.max(jnp.abs(masked.to_go(process, mask, 1.0)))
    process = process / (largest + 1e-6)
  spread = segments.has_spread(rewards, group, jnp.max(mask, axis=1))
  outcome = segments.leave_one_out(
    jnp.where(last > 0, rewards[:, None], 0.0), last, group
  )
  alone = segments.total(jnp.max(mask, axis=1), group) == 1
  outcome = jnp.where((spread | alone)[:, None], outcome, 0.0)
  both = process_coefficient * segments.leave_one_out(process, mask, group)
  both += outcome_coefficient * outcome
  returns = masked.to_go(both, mask, discount)
  return masked.whiten(returns, mask, epsilon=1e-8, ddof=1)
