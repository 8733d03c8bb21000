"""GRPO on GSM8K, with the objective most used today.

Paper: the token mean and clip-higher of DAPO, https://arxiv.org/abs/2503.14476; the
problems of Cobbe et al., https://arxiv.org/abs/2110.14168, whose two files you bring.
Run: jaxrl train gsm8k --task.train-path train.jsonl --task.test-path test.jsonl \
  --model.path DIRECTORY --platform gpu
Expect: for models of 0.5B parameters and more. SmolLM2-135M solves about 1 % of these
problems, too few to learn from; it serves here only to check that the line runs.
"""

from jaxrl.config import Config, EvaluationConfig, SamplingConfig


def config() -> Config:
  """One epoch takes about 934 steps."""
  return Config(
    steps=500,
    prompts_per_step=8,
    group_size=8,
    micro_batches=8,
    sampling=SamplingConfig(max_prompt_tokens=512, max_response_tokens=512),
    evaluation=EvaluationConfig(every_steps=100, problems=256),
    task={"name": "math_jsonl", "train_path": "train.jsonl", "test_path": "test.jsonl"},
    rewards=(
      {"name": "accuracy", "weight": 1.0},
      {"name": "answer_format", "weight": 0.1},
    ),
    selectors=({"name": "drop_truncated"},),
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    reduction={"name": "token_mean"},
    schedule={"name": "constant", "learning_rate": 1e-6, "warmup_steps": 10},
  )
