"""A policy trained on the right paths of search trees.

Paper: Chen et al., AlphaMath, https://arxiv.org/abs/2405.03553: the cross-entropy of
right paths. The paper has it on one model with the values that `prm/alphamath` learns,
at weight 0.1; here they are two.
Run: jaxrl label prm/alphamath labels.jsonl && jaxrl train prm/alphamath_policy
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
