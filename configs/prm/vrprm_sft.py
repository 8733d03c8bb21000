"""A model that thinks, then gives one number a step: its first stage.

Paper: Chen et al., VRPRM, https://arxiv.org/abs/2508.03556 (3.6K chains of another
model), here on text alone; labels are the clear rates. Sizes and rate are those of
configs/prm/__init__.py.
Run: jaxrl label prm/vrprm_sft labels.jsonl \
  && jaxrl judge prm/vrprm_sft labels.jsonl judged.jsonl --votes 4 \
  && jaxrl train prm/vrprm_sft
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "answers"},
    labels={"name": "vrprm"},
  )
