"""Completions and a judge have to name the same first error; two-class cross-entropy.

Paper: Zhang et al., Qwen2.5-Math-PRM, https://arxiv.org/abs/2501.07301 (8 completions,
6 to 8 solutions a question, about 40 % of them kept, two layers in the head; the best
of n by the product of the scores, as by prm/scores/product).
Run: jaxrl label prm/consensus_filtering labels.jsonl \
  --labelling.judge.model JUDGE && jaxrl train prm/consensus_filtering
Expect: unmeasured.
"""

from jaxrl.config import Config, ModelConfig
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    model=ModelConfig(step_head_hidden=512),
    labels={"name": "consensus_filtering"},
    labelling=prm.labelling(solutions=8, judge=JudgeConfig(forms=("first_error",))),
    loss={"name": "prm/objectives/step_ce"},
    readout={"name": "class_share"},
  )
