"""Credit of the worst step, beside the outcome.

Paper: Cheng et al., PURE, https://arxiv.org/abs/2504.15275.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after the models of steps:
jaxrl train prm_arithmetic/pure
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """PURE with the model of steps that learned from completions.

  Separators train too: over bytes, where a line ends is where a number ends, and a
  model that is not told so of "76-2=7" learns to end them early.
  """
  return prm_arithmetic.policy(
    prm="runs/prm_arithmetic-prm_mc",
    rewards=({"name": "pure"},),
    advantage={"name": "pure_token", "train_separators": True},
  )
