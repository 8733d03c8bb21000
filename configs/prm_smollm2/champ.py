"""A model of steps on SmolLM2-135M that learns from people's labels of CHAMP.

Paper: Mao et al., CHAMP, https://arxiv.org/abs/2401.06961: 540 solutions of competition
problems, each with the first wrong step that a person has named.
Run: bash scripts/prm_smollm2.sh (all stages)
Expect: see docs/prm_smollm2.md.
"""

from jaxrl.config import Config, EvaluationConfig, ModelConfig, SamplingConfig
from jaxrl.configs import prm_smollm2


def config() -> Config:
  """Two thirds of the problems train; the rest is evaluated."""
  return prm_smollm2.config(
    model=ModelConfig(),
    steps=40,
    prompts_per_step=8,
    micro_batch_tokens=1024,
    packed_row_tokens=1024,
    task={
      "name": "labelled_steps",
      "path": f"{prm_smollm2.FOLDER}/champ.jsonl",
      "test_fraction": 0.33,
    },
    sampling=SamplingConfig(
      max_prompt_tokens=320, max_response_tokens=640, prompt_bucket_tokens=64
    ),
    evaluation=EvaluationConfig(problems=200, batch_rows=8),
  )
