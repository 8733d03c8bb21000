"""Labels by relative progress, on a plain head.

Paper: Zhao et al., GenPRM, https://arxiv.org/abs/2504.00891; its critiques are not
here.
Run: jaxrl label prm/genprm_labels labels.jsonl && jaxrl train prm/genprm_labels
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "genprm"},
  )
