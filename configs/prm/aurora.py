"""Five judges, by differently worded prompts, see the answer and vote on each step.

Paper: Tan et al., AURORA, https://arxiv.org/abs/2502.11520 (policies of many kinds,
long and short chains of thought; the number of prompts was not seen).
Run: jaxrl label prm/aurora labels.jsonl --labelling.judge.model JUDGE \
  && jaxrl train prm/aurora
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm

FORMS = ("steps", "grader", "first_error", "critic", "answers")


def config() -> Config:
  """Steps behind an error keep their labels; a file of each policy, in one folder."""
  return prm.config(
    query={"name": "nothing"},
    labels={"name": "aurora"},
    labelling=prm.labelling(judge=JudgeConfig(forms=FORMS, reference=True)),
  )
