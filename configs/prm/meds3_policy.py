"""A policy trained on the right trajectories of its search trees.

Paper: Jiang et al., MedS3, https://arxiv.org/abs/2501.12051: supervised on right
trajectories, before the next round of trees.
Run: jaxrl label prm/meds3 labels.jsonl && jaxrl train prm/meds3_policy
Expect: unmeasured.
"""

from jaxrl.config import Config, EvaluationConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    explore={"name": "recorded", "train": "responses"},
    selectors=({"name": "only_correct"},),
    loss={"name": "sft"},
    evaluation=EvaluationConfig(problems=0),  # the file's test side has no verifier
  )
