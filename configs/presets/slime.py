"""slime's GRPO with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in slime,
https://github.com/THUDM/slime (autumn 2026): 1e-6 added to a deviation of n - 1, clip
0.2 (eps_clip_c None), mean of the responses' means, no KL term.
Run: jaxrl train presets/slime
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- A row that is alone gets 0 here and NaN there.
- A group whose rewards differ by rounding alone gets 0 here; slime divides by 1e-6.
- Where filtering leaves another number of rows than was asked for, slime normalises the
  whole batch as one group; here groups stay groups.
- Log-ratios are kept within +-20 here, and are not there.
- Rows without a verdict do not train here; slime has no such rows.
- Not taken over: its truncated importance weight, which is an option; sizes, rate and
  optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Rows without tokens count in the mean over rows."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-6, "ddof": 1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    reduction={"name": "sequence_mean", "count_empty": True},
  )
