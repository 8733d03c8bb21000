"""Search with the model of steps that learned from completions.

Paper: Snell et al., https://arxiv.org/abs/2408.03314, and Puri et al.,
https://arxiv.org/abs/2502.01618.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after the models of steps:
jaxrl search prm_arithmetic/search --search.name particle_filter
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config, SearchConfig
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """Beams over lines, 16 at a time; four children of each that is kept."""
  return prm_arithmetic.config(
    prm="runs/prm_arithmetic-prm_mc",
    searching=SearchConfig(
      problems=200, rows=16, rounds=8, step_tokens=16, batch_problems=20
    ),
    search={"name": "beam", "width": 4},
  )
