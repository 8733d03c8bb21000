"""A verifier of steps on tables, which computes what it claims: RL with its tool.

Paper: Zou et al., TaTToo, https://arxiv.org/abs/2510.06217, after the SFT of
`prm/tattoo_sft`. GRPO; each step is a problem, so its samples are normalised together.
The tool is Python alone, which reads the table from the text. Weights of the terms were
not found: 1. Sizes and rate are those of configs/prm/__init__.py.
Run: jaxrl export runs/prm-tattoo_sft tattoo_sft \
  && jaxrl train prm/tattoo --model.path tattoo_sft
A solution's score is the mean of its steps':
  jaxrl judge runs/prm-tattoo new.jsonl scored.jsonl --solution-score mean
Expect: unmeasured.

Id: tattoo
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.generative(
    group_size=8,
    prompts_per_step=8,
    task={"name": "judged_steps", "path": "labels.jsonl", "form": "table"},
    explore={"name": "with_programs"},
    rewards=({"name": "tattoo"}, {"name": "tool_support"}),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip"},
    reduction={"name": "sequence_mean"},
  )
