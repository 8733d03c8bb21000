"""verl's adv_estimator=grpo with its defaults.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, as read in verl 0.9.1,
https://github.com/volcengine/verl: 1e-6 added to a deviation of n - 1, a row that is
alone keeps R / (1 + 1e-6), clip 0.2 with the dual clip at 3, token-mean, neither KL nor
entropy term, log-ratios within +-20.
Run: jaxrl train presets/verl
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- A group whose rewards differ by rounding alone gets 0 here; verl divides by 1e-6.
- Rows without a verdict do not train here; verl has no such rows.
- verl divides by the tokens of a micro-batch where its batch_num_tokens is not set;
  here by those of the mini-batch.
- Not taken over: learning rate 1e-6, mini-batches of 256 prompts; sizes, rate and
  optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The dual clip is on, unlike in the paper."""
  return base.config(
    old_logp="scorer",
    advantage={"name": "group_norm", "epsilon": 1e-6, "ddof": 1, "keep_single": True},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2, "dual_clip": 3.0},
    reduction={"name": "token_mean"},
  )
