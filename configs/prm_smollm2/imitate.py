"""SmolLM2-135M learns from a few hundred worked sums to write a step a line.

Paper: supervised fine-tuning as in Ouyang et al., https://arxiv.org/abs/2203.02155.
Run: bash scripts/prm_smollm2.sh (all stages)
Expect: see docs/prm_smollm2.md.
"""

from jaxrl.config import Config, ModelConfig
from jaxrl.configs import prm, prm_smollm2


def config() -> Config:
  """Supervised fine-tuning, ended long before it makes no mistakes."""
  return prm_smollm2.config(
    model=ModelConfig(),
    steps=30,
    task={
      "name": "math_jsonl",
      "train_path": f"{prm_smollm2.FOLDER}/worked.jsonl",
      "instruction": "",
      "system": prm.SYSTEM,
    },
    explore={"name": "demonstrations"},
    loss={"name": "sft"},
    schedule={"name": "cosine", "learning_rate": 2e-5},
  )
