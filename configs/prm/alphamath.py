"""Values of search trees over steps, learned by a tanh head.

Paper: Chen et al., AlphaMath, https://arxiv.org/abs/2405.03553. Round 1 searches
without a value; later ones label a run with `--prm` the same run.
Run: jaxrl label prm/alphamath labels.jsonl && jaxrl train prm/alphamath
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    tree={"name": "alphamath", "step_tokens": 32},
    query={"name": "nothing"},
    labels={"name": "alphamath"},
    loss={"name": "prm/objectives/value_mse"},
    readout={"name": "tanh_value"},
  )
