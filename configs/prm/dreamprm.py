"""Weights of the domains of a mix, learnt on solutions whose outcomes are known.

Paper: Cao et al., DreamPRM, https://arxiv.org/abs/2505.20241 (15 domains of images and
text, model's rate 5e-7, 10,000 steps of one item). Domains are the `source` of a
problem; meta.jsonl holds solutions with outcomes, which need no labels of steps. Sizes
and the model's optimiser are those of configs/prm.
Run: jaxrl label prm/dreamprm labels.jsonl && jaxrl train prm/dreamprm
Expect: unmeasured. A domain whose labels are wrong loses weight (row_weight_least).
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    loss={"name": "prm/objectives/step_mse"},
    reweighting=({"name": "dreamprm"},),
    meta={**prm.BASE.task, "path": "meta.jsonl"},
    meta_every=5,
    meta_loss={"name": "outcome_of_log_odds"},
    meta_optimizer={"name": "adamw", "weight_decay": 1e-3},
    meta_schedule={"name": "constant", "learning_rate": 1e-2},
  )
