"""The most uncertain steps are asked first, as often as the question needs.

Paper: Han et al., https://arxiv.org/abs/2508.01773: 72 samples of a question at
temperature 0.8; a ranking loss under LoRA of rank 8 on queries and values, as in the
released script (which also scales a solution's scores to mean 0 and spread 1). At test
`jaxrl search search/best_of_n --prm runs/prm-unprm` prints both of the paper's votes.
Run: jaxrl label prm/unprm labels.jsonl && jaxrl train prm/unprm
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.config_parts import ModelConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    model=ModelConfig(
      lora_rank=8, lora_alpha=32.0, lora_targets=(r"layers/attn/[qv]/kernel",)
    ),
    sampling=dataclasses.replace(prm.BASE.sampling, temperature=0.8),
    labelling=prm.labelling(solutions=72, completions=8, batch_problems=2),
    tree={"name": "unprm"},
    query={"name": "by_uncertainty"},
    labels={"name": "unprm"},
    loss={"name": "prm/objectives/pqm"},
    reduction={"name": "sequence_mean"},
    schedule={"name": "cosine", "learning_rate": 5e-4, "warmup_steps": 20},
  )
