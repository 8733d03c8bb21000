"""Labels from a tree of rollouts whose equations are checked.

Paper: Zhang et al., GroundedPRM, https://arxiv.org/abs/2510.14942, with an exact
checker of equations for its judge, and a head that scores steps; `groundedprm_writes`
is the paper's model that writes. Greedy search by the best of n candidates, with the
head: jaxrl search search/beam --search.width 16 --prm runs/prm-groundedprm.
Id: groundedprm
Run: jaxrl label prm/groundedprm labels.jsonl && jaxrl train prm/groundedprm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels_of={**prm.BASE.labels_of, "check_equations": True},
    tree={"name": "groundedprm", "step_tokens": 32},
    query={"name": "nothing"},
    labels={"name": "groundedprm"},
  )
