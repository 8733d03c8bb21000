"""A model writes checklists, feedback and verdicts: supervised training.

Paper: Chae et al., Web-Shepherd, https://arxiv.org/abs/2505.15277 (3 and 8 billion
parameters, 40 000 judged steps). STEPS.jsonl is described in jaxrl/tasks/checklists.py.
Run: jaxrl train prm/web_shepherd --task.path STEPS.jsonl
Expect: unmeasured. The trained run then labels steps, see prm/web_shepherd_labels.
"""

from jaxrl.config import Config, SamplingConfig
from jaxrl.configs import prm


def config() -> Config:
  """The next token of what the file has, for instructions and for steps."""
  return prm.config(
    micro_batch_tokens=2048,
    packed_row_tokens=1024,
    task={"name": "checklists", "path": "steps.jsonl"},
    sampling=SamplingConfig(
      max_prompt_tokens=768, max_response_tokens=256, prompt_bucket_tokens=128
    ),
    explore={"name": "demonstrations"},
    loss={"name": "sft"},
  )
