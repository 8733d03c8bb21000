"""TD(lambda) target of a critic. Schulman et al., https://arxiv.org/abs/1506.02438.

  delta_t = R_t + discount * V_(t+1) - V_t
  target_t = V_t + delta_t + sum_{s > t} (discount * lambda)^(s-t) delta_s

that is, the advantage of `gae` before whitening, plus the value. Masked tokens are
stepped over and V is 0 after the last token, as there. lambda 1 is the Monte-Carlo
return, which depends on no value: VC-PPO (https://arxiv.org/abs/2503.01491) and VAPO
(https://arxiv.org/abs/2504.05118) train the critic on it, with another lambda for the
policy.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def lambda_return(
  token_rewards: Float[Array, "B T"],
  values_old: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  discount: float = 1.0,
  lambda_: float = 0.95,
) -> Float[Array, "B T"]:
  """What the critic is to predict at each trained token."""
  delta = masked.td_error(token_rewards, values_old, mask, discount)
  advantage = masked.to_go(delta, mask, discount * lambda_)
  return advantage + masked.zero(values_old, mask)
