"""A process reward model trained on the share of completions that are right.

Paper: Wang et al., Math-Shepherd, https://arxiv.org/abs/2312.08935, with soft labels. A
named model is `prm.config(...)` of what it changes.
Run: jaxrl label prm/base labels.jsonl && jaxrl train prm/base
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """Newline steps, completions of every prefix, soft labels, cross-entropy."""
  return prm.config()
