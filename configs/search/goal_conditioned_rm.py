"""Votes among samples whose states keep near to those that right solutions end in.

Paper: Nath et al., https://arxiv.org/abs/2407.13887. The right solutions are those of
labels.jsonl, which the model has learnt from.
Run: jaxrl label prm/goal_conditioned_rm labels.jsonl && \\
  jaxrl train prm/goal_conditioned_rm && jaxrl search search/goal_conditioned_rm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    prm="runs/prm-goal_conditioned_rm",
    search={"name": "goal_conditioned_rm", "solutions": "labels.jsonl"},
  )
