"""A blend of three numbers for each thought, and a plan's worth for the trajectory.

Paper: Zou et al., ReasonFlux-PRM, https://arxiv.org/abs/2506.18896. The same weights
for both parts. Steps of thoughts are contrasted with those of another file.
Run: jaxrl label prm/base other.jsonl && jaxrl label prm/reasonflux_prm labels.jsonl \
  --labelling.judge.model JUDGE && jaxrl train prm/reasonflux_prm
Expect: unmeasured. Then: jaxrl train reasonflux (RL), prm/reasonflux_select (SFT) and
prm/scores/step_and_trajectory (best of n).
"""

from jaxrl.config import Config
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm

THINK = "Think in short paragraphs. Then write </think> and, after it, the answer."


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels_of={**prm.BASE.labels_of, "system": THINK},
    cut={"name": "final_answer"},
    query={"name": "nothing"},
    labels={"name": "reasonflux_prm"},
    labelling=prm.labelling(
      unrelated="other.jsonl", judge=JudgeConfig(forms=("grader",), votes=4)
    ),
    loss={"name": "prm/objectives/step_and_trajectory"},
    reduction={"name": "sequence_mean"},
  )
