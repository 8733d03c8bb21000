"""REINFORCE++: reward-to-go, whitened over the batch. Hu et al., https://arxiv.org/abs/2501.03262.

  G_t = R_t + discount * G_(t+1)
  A_t = (G_t - mean) / sqrt(var + epsilon)

with R_t the reward that falls on token t (a KL penalty per token belongs in it: see the
rewards), and mean and variance over all trained tokens of the batch. G steps over
masked tokens: the next token is the next trained one, and a tool's answer costs no
discount. Where the paper is silent: `ddof` 1 divides the variance by n - 1, and epsilon
stands inside the root, as in verl; OpenRLHF divides by n and takes the larger of
variance and 1e-8. Tokens that differ by no more than rounding get 0.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def reinforce_plus_plus(
  token_rewards: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  discount: float = 1.0,
  epsilon: float = 1e-8,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """Whitened reward-to-go of each trained token."""
  returns = masked.to_go(token_rewards, mask, discount)
  return masked.whiten(returns, mask, epsilon=epsilon, ddof=ddof)
