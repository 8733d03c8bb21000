"""SkyRL's GRPO with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in SkyRL,
https://github.com/NovaSky-AI/SkyRL (autumn 2026): 1e-6 added to a deviation of n - 1, a
row that is alone keeps R, clip 0.2 without the dual clip, token_mean; kl_loss_coef
0.001 with k3 is of its ppo_base_config.yaml.
Run: jaxrl train presets/skyrl
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- A group whose rewards differ by rounding alone gets 0 here; SkyRL divides by 1e-6.
- A row that is alone gets R / (1 + 1e-6).
- k3 was not compared: its bounds in SkyRL were not read.
- Rows without a verdict do not train here; SkyRL has no such rows.
- Not taken over: learning rate 1e-6, weight decay 0.01, 4 mini-batches a batch, 5
  samples a prompt; sizes, rate and optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """SkyRL scales advantages and sums, which is the same mean."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-6, "ddof": 1, "keep_single": True},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k3", "coefficient": 0.001},),
    reduction={"name": "token_mean"},
  )
