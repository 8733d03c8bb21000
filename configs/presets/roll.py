"""ROLL's GRPO with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in ROLL,
https://github.com/alibaba/ROLL (autumn 2026): 1e-6 added to a deviation of n - 1, clip
0.2 without the dual clip, seq-mean-token-mean.
Run: jaxrl train presets/roll
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- A row that is alone gets 0 here and NaN in ROLL's reward_norm.
- A group whose rewards differ by rounding alone gets 0 here; ROLL divides by 1e-6.
- Where the dual clip is on, ROLL's bound is 1 + 2 * clip.
- Log-ratios are kept within +-20 here, and are not there.
- Rows without a verdict do not train here; ROLL has no such rows.
- Not taken over: its KL terms, which were not read; sizes, rate and optimiser are those
  of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The mean of the responses' means."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-6, "ddof": 1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    reduction={"name": "sequence_mean"},
  )
