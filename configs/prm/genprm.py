"""A model that judges a step by a program that it writes and that is run.

Paper: Zhao et al., GenPRM, https://arxiv.org/abs/2504.00891 (labels by relative
progress, rationales of QwQ-32B whose verdict is the label; next-token loss). Sizes and
rate are those of configs/prm/__init__.py. Outputs of programs are part of the text that
trains.
Run: jaxrl label prm/genprm labels.jsonl \
  && jaxrl judge prm/genprm labels.jsonl judged.jsonl --votes 4 \
  && jaxrl train prm/genprm
Its scores, the mean of P(yes) of K texts, and a rewrite from the first step below 1/2:
  jaxrl judge runs/prm-genprm new.jsonl scored.jsonl --votes 8 --refine 1
Expect: unmeasured.

Id: genprm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "code"},
    labels={"name": "genprm"},
  )
