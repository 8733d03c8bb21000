"""The mean of the steps' scores. Pan et al., https://arxiv.org/abs/2311.05821.

  r_i = weight (1 / K) sum_k p_k

over the K scored steps of response i; 0 where there is none, so that no steps are no
better than bad ones. As any reward of a row it falls on the last token. The paper
compares four ways to make one number of the steps' scores, with PPO and a KL penalty:
this one, `prm_product`, `prm_minimum` and `prm_maximum`; on [0, 1] the product is at
most the minimum, that at most the mean, and that at most the maximum. With a single
step, which is the whole solution (an outcome model's score), all four are its score.
`prm_step` places p_k where step k ends. In the paper steps are lines.

Id: step_by_step_rl
"""

from jaxtyping import Array, Float

from jaxrl import masked


def prm_mean(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  ends = masked.zero(step_scored, mask)
  return weight * masked.mean_per_row(step_scores, ends)[:, 0]
