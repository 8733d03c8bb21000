"""GAE: exponentially weighted advantages of a critic. Schulman et al., https://arxiv.org/abs/1506.02438.

  delta_t = R_t + discount * V_(t+1) - V_t
  A_t = delta_t + discount * lambda * A_(t+1)

with V the critic's estimate before token t is drawn, 0 after the last token. t + 1 is
the next trained token: masked ones, such as a tool's answer, are stepped over without a
discount, as in verl. `whiten` makes (A - mean) / sqrt(var + epsilon) over the batch's
trained tokens, with `ddof` 1 dividing the variance by n - 1: not in the paper, but
PPO's habit in verl, TRL and others. A response cut off at the length limit ends with
value 0 as well, as in these libraries. For language models discount is 1; lambda is
0.95 in TRL, 1 in verl.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def gae(
  token_rewards: Float[Array, "B T"],
  values_old: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  discount: float = 1.0,
  lambda_: float = 0.95,
  whiten: bool = True,
  epsilon: float = 1e-8,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """One advantage a trained token."""
  delta = masked.td_error(token_rewards, values_old, mask, discount)
  advantage = masked.to_go(delta, mask, discount * lambda_)
  if whiten:
    advantage = masked.whiten(advantage, mask, epsilon=epsilon, ddof=ddof)
  return advantage
