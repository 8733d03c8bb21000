"""A weight for each training solution, learnt on solutions whose outcomes are known.

Paper: Cao and Xie, DreamPRM-1.5, https://arxiv.org/abs/2509.05542, Instance Table. As
there the weights first move after a fifth of the run (20,000 of 100,000 steps of one
item, of a model that reads images). Sizes and the model's optimiser are those of
configs/prm.
Run: jaxrl label prm/dreamprm_1_5 labels.jsonl && jaxrl train prm/dreamprm_1_5
Expect: unmeasured. Solutions whose labels are wrong lose weight.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "math_shepherd_hard"},
    loss={"name": "prm/objectives/step_ce"},
    reduction={"name": "sequence_mean"},
    readout={"name": "class_share"},
    reweighting=({"name": "dreamprm_1_5_table"},),
    meta={**prm.BASE.task, "path": "meta.jsonl"},
    meta_after=40,
    meta_loss={"name": "outcome_of_mean"},
    meta_schedule={"name": "constant", "learning_rate": 5e-3},
  )
