"""Single steps and merged pairs, from trees of solutions that are compressed too.

Paper: Wang et al., HRM, https://arxiv.org/abs/2503.13551 (trees of 5 children and 5
steps, rate 1e-5): regression on the share of right leaves, through a sigmoid here,
where the paper's head has one plain output. For steps that people have rated, as in
PRM800K, the paper takes cross-entropy of two classes: task.labels "file" and
prm/objectives/step_ce. Trees are grown as AlphaMath's, whose values only steer them.
Used as any model of steps is: of N candidates a step the best one goes on. Sizes and
optimiser are those of configs/prm.
Run: jaxrl label prm/hrm labels.jsonl && jaxrl train prm/hrm
Expect: unmeasured.

Id: hrm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    task={**prm.BASE.task, "name": "hierarchical_steps"},
    tree={"name": "alphamath", "depth": 5, "step_tokens": 32, "paths": 64},
    query={"name": "nothing"},
    labels={"name": "freeprm"},  # the task makes its own of the tree
    loss={"name": "prm/objectives/step_mse"},
  )
