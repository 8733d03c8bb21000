"""Searches by halves in a tree of rollouts, soft labels of what was asked.

Paper: Luo et al., OmegaPRM, https://arxiv.org/abs/2406.06592. Answers are chosen by the
sum of their solutions' scores, `search/answers.weighted_vote` of `prm/scores/product`.
Run: jaxrl label prm/omegaprm labels.jsonl && jaxrl train prm/omegaprm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    tree={"name": "omegaprm"},
    query={"name": "nothing"},
    labels={"name": "omegaprm"},
  )
