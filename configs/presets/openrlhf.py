"""OpenRLHF's group_norm estimator, with the KL term in the loss.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in OpenRLHF 0.11.2,
https://github.com/OpenRLHF/OpenRLHF: 1e-9 added to a deviation of n - 1, clip 0.2,
token mean, KL coefficient 0.01.
Run: jaxrl train presets/openrlhf
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- OpenRLHF's default has the KL as a penalty on each token, added after the rewards are
  normalised and summed from a token to the end: no stage does that here. This is its
  use_kl_loss with k3, whose value it bounds by 10.
- A row that is alone gets 0 here and NaN there.
- A group whose rewards differ by rounding alone gets 0 here; OpenRLHF divides by 1e-9.
- Rewards are clipped to +-10 there, which rewards of 0 and 1 never meet.
- Rows without a verdict do not train here; OpenRLHF has no such rows.
- Not taken over: its batch sizes, which were not read; sizes, rate and optimiser are
  those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """No correction for the sampler, which is off by default."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-9, "ddof": 1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k3", "coefficient": 0.01},),
    reduction={"name": "token_mean"},
  )
