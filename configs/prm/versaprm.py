"""Questions of many domains; a judge with the answer names the first bad step.

Paper: Zeng et al., VersaPRM, https://arxiv.org/abs/2502.06737 (16 chains a question of
MMLU-Pro; LoRA of rank 16, learning rate 1e-4 by a cosine with 10 % warm-up; score of a
solution by the least step, prm/scores/minimum, and a vote weighted with it).
Run: jaxrl label prm/versaprm labels.jsonl --labelling.judge.model JUDGE \
  && jaxrl train prm/versaprm
Expect: unmeasured.
"""

from jaxrl.config import Config, ModelConfig
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm

# Domains, as sources of one mix: `labels_of` takes any task of its own questions.
DOMAINS = (
  "chain_sum(min_terms=2, max_terms=3)",
  "simple_geometry",
  "syllogism",
  "calendar_arithmetic",
)


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    model=ModelConfig(lora_rank=16, lora_alpha=32.0),
    labels_of={**prm.BASE.labels_of, "mix": DOMAINS},
    query={"name": "nothing"},
    labels={"name": "versaprm"},
    labelling=prm.labelling(
      solutions=16, judge=JudgeConfig(forms=("first_error",), reference=True)
    ),
    loss={"name": "prm/objectives/step_ce"},
    readout={"name": "class_share"},
    optimizer={"name": "adamw", "weight_decay": 0.01},
    schedule={"name": "cosine", "learning_rate": 1e-4, "warmup_steps": 20},
  )
