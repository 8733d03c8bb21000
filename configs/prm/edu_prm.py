"""Fragments between unsure tokens, labelled by the leaves of a tree that forks there.

Paper: Cao et al., EDU-PRM, https://arxiv.org/abs/2503.22233. At test the same tree is
sampled and its best leaf by the model is the answer.
Run: jaxrl label prm/edu_prm labels.jsonl && jaxrl train prm/edu_prm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    cut={"name": "edu_prm"},
    tree={"name": "edu_prm"},
    query={"name": "nothing"},
    labels={"name": "edu_prm"},
  )
