"""As many samples as the question's odds ask for.

Paper: Park et al., https://arxiv.org/abs/2506.09338 (at most 64 samples there).
Run: jaxrl train prm/calibrated && jaxrl search search/prm_calibration
Expect: unmeasured.
The beam search of the paper: --search.name adaptive_beam.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    prm="runs/prm-calibrated",
    search={"name": "adaptive_best_of_n"},
  )
