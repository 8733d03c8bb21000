"""A model that analyses a step, then says yes or no: its first stage.

Paper: She et al., R-PRM, https://arxiv.org/abs/2503.21295 (a 70B model's analyses whose
verdict is PRM800K's label). Sizes and rate are those of configs/prm/__init__.py.
Run: jaxrl label prm/r_prm_sft labels.jsonl \
  && jaxrl judge prm/r_prm_sft labels.jsonl judged.jsonl --votes 4 \
  && jaxrl train prm/r_prm_sft
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "last_step"},
    labels={"name": "math_shepherd_hard"},
  )
