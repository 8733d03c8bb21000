"""ReMax: reward-to-go minus the greedy response's reward. Li et al., https://arxiv.org/abs/2310.10505.

  A_t = sum_{s >= t} R_s - r(greedy response)

with R_s the reward that falls on token s and the sum over trained tokens. With the
whole reward on the last token this is the paper's r(sampled) - r(greedy) on every
token. The baseline costs one more response a prompt, and needs no group. verl subtracts
the same number from every token's reward-to-go.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def remax(
  token_rewards: Float[Array, "B T"],
  greedy_rewards: Float[Array, " B"],
  mask: Float[Array, "B T"],
) -> Float[Array, "B T"]:
  """One advantage a trained token."""
  returns = masked.to_go(token_rewards, mask, 1.0)
  return returns - masked.per_token(greedy_rewards, mask)
