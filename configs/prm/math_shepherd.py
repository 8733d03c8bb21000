"""Labels by whether any completion is right, cross-entropy.

Paper: Wang et al., Math-Shepherd, https://arxiv.org/abs/2312.08935.
Run: jaxrl label prm/math_shepherd labels.jsonl && jaxrl train prm/math_shepherd
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "math_shepherd_hard"},
  )
