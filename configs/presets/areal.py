"""AReaL's GRPO: decoupled PPO over group z-scores.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in AReaL 1.0.4,
https://github.com/inclusionAI/AReaL: 1e-5 added to a deviation of n - 1, clip 0.2
around the recomputed policy, behaviour weight without a cap, sum over the count of
tokens before rejection.
Run: jaxrl train presets/areal
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- AReaL's kl_ctl (0.1 k1 in the reward, added after the normalisation) is left out: no
  stage adds it there, and its examples/math/gsm8k_grpo.yaml sets it to 0.
- A group whose rewards differ by rounding alone gets 0 here; AReaL divides by 1e-5. It
  normalises in float64.
- Log-ratios are kept within +-20 here, and are not there.
- Rewards are clipped to +-20 there.
- Rows without a verdict do not train here; AReaL has no such rows.
- Not taken over: 4 mini-batches a batch, asynchronous rollouts, and what that example
  sets beside (clip 0.4, weights capped at 5, rewards scaled by 10, advantages
  normalised over the batch); sizes, rate and optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Sampler and scorer differ by rounding here, so the weight is near 1."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-5, "ddof": 1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "token_is", "low": None, "high": None},),
    reduction={"name": "drawn_token_mean"},
  )
