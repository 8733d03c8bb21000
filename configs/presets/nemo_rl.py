"""NeMo-RL's GRPO with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in NeMo-RL,
https://github.com/NVIDIA-NeMo/RL (autumn 2026): mean and deviation of the other rows,
1e-6 added, not divided where that deviation is 0; clip 0.2, mean over tokens, k3 with
the coefficient 0.01 of its examples/configs/grpo_math_1B.yaml.
Run: jaxrl train presets/nemo_rl
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- NeMo-RL multiplies k3 by exp(logp - sg(logp)), here by pi / pi_old: the same in value
  and gradient at a batch's first update, which by default is the only one.
- NeMo-RL bounds k3 by 10 and its log-ratio by 20, here the latter alone; its
  denominators have 1e-8 added.
- A deviation within rounding counts as 0 here; NeMo-RL compares exactly.
- Not taken over: 32 prompts x 16 samples, learning rate 5e-6, weight decay 0.01; sizes,
  rate and optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """use_leave_one_out_baseline and normalize_rewards are on."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "leave_one_out_norm", "epsilon": 1e-6},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_importance", "coefficient": 0.01},),
    reduction={"name": "token_mean"},
  )
