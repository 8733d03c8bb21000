"""A model that thinks each step over, from 1000 judgements that agree with the labels.

Paper: Khalifa et al., ThinkPRM, https://arxiv.org/abs/2504.16828 (chains of
QwQ-32B-Preview on PRM800K, kept where every verdict is the label; next-token loss).
Sizes and rate are those of configs/prm/__init__.py. The chains are whosever judges:
another config's model, or this one's.
Run: jaxrl label prm/thinkprm labels.jsonl \
  && jaxrl judge prm/thinkprm labels.jsonl judged.jsonl --votes 4 --score votes \
  && jaxrl train prm/thinkprm
Its scores, by the mean of K chains or with one that looks again:
  jaxrl judge runs/prm-thinkprm new.jsonl scored.jsonl --votes 4 (or --rechecks 1)
Expect: unmeasured. SmolLM2-135M hardly writes a verdict by itself: take the chains of a
larger model.

Id: thinkprm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "steps"},
    labels={"name": "math_shepherd_hard"},
  )
