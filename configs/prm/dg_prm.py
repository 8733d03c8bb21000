"""Pairs of steps, where one is better by every criterion that a judge found to matter.

Paper: Yin et al., DG-PRM, https://arxiv.org/abs/2507.17849 (no code or settings seen:
8 candidates a step, 5 criteria, beta 0.1). The tree of criteria is made by the first
run, from right and wrong solutions of 32 questions, and can be edited by hand.
Run: jaxrl label prm/dg_prm labels.jsonl --labelling.judge.model JUDGE \
  && jaxrl train prm/dg_prm
Expect: unmeasured.

Id: dg_prm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What a pair shares cancels: the loss is of the step in which it differs."""
  return prm.config(
    group_size=2,
    task={**prm.BASE.task, "name": "step_pairs"},
    labels={"name": "math_shepherd_soft"},  # of the solutions, which are written too
    labelling=prm.labelling(criteria="criteria.json"),
    explore={"name": "recorded", "train": "responses"},
    selectors=({"name": "without_stop"},),
    loss={"name": "prm/objectives/implicit_dpo", "beta": 0.1},
    reduction={"name": "sequence_mean"},
    readout={"name": "implicit", "beta": 0.1},
  )
