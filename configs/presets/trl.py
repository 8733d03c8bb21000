"""TRL's GRPOTrainer with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in TRL 1.16.0,
https://github.com/huggingface/trl: loss_type dapo, beta 0, epsilon 0.2, scale_rewards
group with 1e-4 added to a deviation of n - 1, vllm_importance_sampling_mode
sequence_mask at 3. A row without a verdict is left out of its group and gets 0.
Run: jaxrl train presets/trl
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- A row without a verdict counts among the tokens that TRL divides by, and does not
  here.
- A group whose rewards differ by rounding alone gets 0 here; TRL divides by 1e-4.
- Log-ratios are kept within +-20 here, and are not there.
- TRL corrects for the sampler only where vLLM samples; here always.
- Not taken over: learning rate 1e-6 with linear decay, 512 tokens; sizes, rate and
  optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """loss_type dapo is the mean over the tokens of the whole batch."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-4, "ddof": 1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "sequence_icepop", "low": None, "high": 3.0},),
    reduction={"name": "token_mean"},
  )
