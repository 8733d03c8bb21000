"""Sub-trees that do not compete, each a beam search.

Paper: Beeching et al.,
https://huggingface.co/spaces/HuggingFaceH4/blogpost-scaling-test-time-compute.
Run: jaxrl train prm/base && jaxrl search search/diverse_beam
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "diverse_beam", "trees": 4},
  )
