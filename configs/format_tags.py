"""DeepSeek-R1's format reward, and a penalty on repeated words.

Paper: DeepSeek-AI, https://arxiv.org/abs/2501.12948 (accuracy and format; weights not
given). The repetition penalty is open-r1's. Other sizes are those of configs/base.py.
Run: jaxrl train format_tags
Expect: unmeasured. SmolLM2-135M rarely writes the tags by itself, so the share for each
mark, the second term, has to carry the start.
"""

from jaxrl.config import Config, SamplingConfig
from jaxrl.configs import base

SYSTEM = (
  "Reason inside <think></think> tags first, then give the answer, "
  "and nothing else, inside <answer></answer> tags."
)


def config() -> Config:
  """A quarter for each of the four marks, 1 for the whole form."""
  return base.config(
    sampling=SamplingConfig(max_prompt_tokens=192, max_response_tokens=64),
    task={"name": "reasoning_gym", "answer_form": "tags", "system": SYSTEM},
    rewards=(
      {"name": "accuracy"},
      {"name": "format_tags", "weight": 1.0, "each": 0.25},
      {"name": "ngram_penalty", "n": 3, "penalty": 0.5},
    ),
    advantage={"name": "group_norm"},
  )
