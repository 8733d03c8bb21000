"""Two passes over a step: its kinds of error, then whether it is right.

Paper: Pala et al., PathFinder-PRM, https://arxiv.org/abs/2505.19706 (400,000 steps,
judged by another model, rate 1e-5, 2 epochs). labels.jsonl holds solutions with three
labels a step under `about`, named math, consistency and simplicity. The head's logit is
that of the paper's tokens + and -. `jaxrl search search/pathfinder` walks by what the
model says. Sizes and optimiser are those of configs/prm.
Run: jaxrl train prm/pathfinder_prm
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`; behind a solution there is room for a pass."""
  return prm.config(
    sampling=dataclasses.replace(prm.BASE.sampling, max_response_tokens=128),
    task={"name": "error_typed_steps", "path": "labels.jsonl"},
  )
