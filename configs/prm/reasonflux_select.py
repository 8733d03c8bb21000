"""Supervised training on the trace of each question that a process model calls best.

Paper: Zou et al., ReasonFlux-PRM, https://arxiv.org/abs/2506.18896, which chooses data
with it (+12.1 % on average). Fin-PRM (2508.15202) does so with weights of 1/2.
Run: jaxrl train prm/reasonflux_select --prm runs/prm-reasonflux_prm
Expect: unmeasured.
"""

from jaxrl.config import Config, EvaluationConfig
from jaxrl.configs import prm


def config() -> Config:
  """Traces are those of a labelled file; its labels are not looked at."""
  return prm.config(
    group_size=4,
    cut={"name": "final_answer"},
    explore={"name": "recorded", "train": "responses"},
    selectors=({"name": "best_by_steps"},),
    loss={"name": "sft"},
    evaluation=EvaluationConfig(problems=0),  # the file's test side has no verifier
  )
