"""Line rewards for code: PPO on the unit tests' verdict and a score of each line.

Paper: Dai et al., https://arxiv.org/abs/2410.17621: PPO with lambda 0.95 and line
scores of weight 0.25, spread over the lines; the critic starts as the model of lines,
which `prm/code_lines` makes.
Data: as in configs/code.py. Optimiser and rates are those of configs/base.py.
The paper has the start of the critic and the dense reward alone, too: leave the other
out.
Id: code_line_prm_ppo
Run: jaxrl train code_line_prm_ppo
Expect: unmeasured. The authors gain 1.6 points of LiveCodeBench over the verdict alone.
"""

from jaxrl.config import Config
from jaxrl.config_parts import ModelConfig, SamplingConfig, VerifyConfig
from jaxrl.configs import base

LINES = "runs/prm-code_lines"  # where `jaxrl train prm/code_lines` writes


def config() -> Config:
  """The KL coefficient is InstructGPT's."""
  return base.config(
    **base.FOUR_UPDATES,
    model=ModelConfig(critic_from=LINES),
    prm=LINES,
    task={
      "name": "code_jsonl",
      "train_path": "train.jsonl",
      "test_path": "test.jsonl",
    },
    sampling=SamplingConfig(max_prompt_tokens=512, max_response_tokens=512),
    micro_batch_tokens=2048,
    packed_row_tokens=1024,
    verify=VerifyConfig(timeout_seconds=10.0),
    cut={"name": "code_lines"},
    rewards=(
      {"name": "accuracy"},
      {"name": "prm_lines", "lambda_": 0.25, "scale": 2.0, "shift": -1.0},
      {"name": "kl_penalty_k1", "coefficient": 0.02},
    ),
    advantage={"name": "gae", "discount": 1.0, "lambda_": 0.95},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 0.95},
    value_loss={"name": "value_clip", "clip": 0.2},
  )
