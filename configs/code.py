"""GRPO on short Python problems, scored by their unit tests.

Paper: MBPP, Austin et al., https://arxiv.org/abs/2108.07732, with the objective of
configs/gsm8k.py (DAPO's token mean and clip-higher, https://arxiv.org/abs/2503.14476).
Data: mbpp.jsonl from https://github.com/google-research/google-research/tree/master/mbpp
(974 lines). Its lines 11-510 are the paper's test split, 511-600 validation, 601-974
training: `sed -n 601,974p mbpp.jsonl > train.jsonl`, `sed -n 11,510p mbpp.jsonl >
test.jsonl`. Lines of HumanEval work too.
Run: jaxrl train code --task.train-path train.jsonl --task.test-path test.jsonl \
  --model.path DIRECTORY --platform gpu
Expect: unmeasured; for models that write Python already. Linux, as programs run in
processes of their own without files, network or other processes.
"""

from jaxrl.config import Config, EvaluationConfig, SamplingConfig, VerifyConfig


def config() -> Config:
  """One epoch of the 374 training problems takes 47 steps."""
  return Config(
    steps=200,
    prompts_per_step=8,
    group_size=8,
    micro_batches=8,
    sampling=SamplingConfig(max_prompt_tokens=512, max_response_tokens=512),
    evaluation=EvaluationConfig(every_steps=50, problems=256),
    task={
      "name": "code_jsonl",
      "train_path": "train.jsonl",
      "test_path": "test.jsonl",
      "timeout_seconds": 3.0,
    },
    verify=VerifyConfig(timeout_seconds=10.0),
    rewards=(
      {"name": "accuracy", "weight": 1.0},
      {"name": "answer_format", "weight": 0.1},
    ),
    selectors=({"name": "drop_truncated"},),
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    reduction={"name": "token_mean"},
    schedule={"name": "constant", "learning_rate": 1e-6, "warmup_steps": 10},
  )
