"""A judge that sees documents found for the question; the PRM reads them too.

Paper: Yun et al., Med-PRM, https://arxiv.org/abs/2506.11474 (learning rate 2e-6 by a
cosine, batches of 64, inputs up to 4096 tokens of which 1024 are left for the solution;
the best of 64 by the least step, prm/scores/minimum). DOCUMENTS has a JSON object
{"text": ...} a line.
Run: jaxrl label prm/med_prm labels.jsonl --labelling.judge.model JUDGE \
  --labelling.judge.documents DOCUMENTS && jaxrl train prm/med_prm
Expect: unmeasured.
"""

from jaxrl.config import Config, SamplingConfig
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`; prompts have room for the documents."""
  return prm.config(
    micro_batch_tokens=2048,
    packed_row_tokens=1024,
    sampling=SamplingConfig(
      max_prompt_tokens=640, max_response_tokens=96, prompt_bucket_tokens=128
    ),
    query={"name": "nothing"},
    labels={"name": "med_prm"},
    labelling=prm.labelling(
      right_solutions_max=2,
      judge=JudgeConfig(forms=("grader",), documents_tokens=512, write_documents=True),
    ),
    loss={"name": "prm/objectives/step_ce"},
    readout={"name": "class_share"},
    schedule={"name": "cosine", "learning_rate": 2e-6, "warmup_steps": 20},
  )
