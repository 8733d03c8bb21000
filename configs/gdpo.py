"""GDPO: two rewards, each normalised by itself.

Paper: Liu et al., https://arxiv.org/abs/2601.05242. Its rewards are correctness, format
and length; here correctness and form. Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train gdpo
Expect: unmeasured. `formatted` should rise although it is worth less than `accuracy`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Weights stand in the advantage: a z-score undoes those of the rewards."""
  return base.config(
    rewards=({"name": "accuracy"}, {"name": "answer_format"}),
    advantage={"name": "gdpo", "weights": (1.0, 0.5)},
  )
