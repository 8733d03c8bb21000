"""Labels that look back along paths of a search tree.

Paper: Jiang et al., MedS3, https://arxiv.org/abs/2501.12051, the released script: hard
labels, look-back 1, LoRA of rank 32. At test 16 samples (temperature 1, top-p 0.95)
vote by the sum of their scores, `search/answers.weighted_vote` of `prm/scores/minimum`.
Run: jaxrl label prm/meds3 labels.jsonl && jaxrl train prm/meds3
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.config_parts import ModelConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    model=ModelConfig(lora_rank=32, lora_alpha=64.0),
    sampling=dataclasses.replace(prm.BASE.sampling, temperature=1.0, top_p=0.95),
    tree={"name": "meds3", "step_tokens": 32},
    query={"name": "nothing"},
    labels={"name": "meds3"},
    schedule={"name": "constant", "learning_rate": 5e-5},
  )
