"""A model that checks each step by a program and then judges it, on tree labels.

Paper: Zhang et al., GroundedPRM, https://arxiv.org/abs/2510.14942: supervised on a
check, a rationale and a verdict whose word is the label of `prm/groundedprm`'s tree. A
judge writes them, and those that agree with the labels are kept; its programs are run
in the place of Wolfram Alpha. A step's score is P(yes) / (P(yes) + P(no)) at the word.
Run: jaxrl label prm/groundedprm labels.jsonl \
  && jaxrl judge prm/groundedprm_writes labels.jsonl judged.jsonl --votes 4 \
  && jaxrl train prm/groundedprm_writes
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "code"},
    labels={"name": "groundedprm"},
  )
