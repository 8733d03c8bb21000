"""The first command: SmolLM2-135M-Instruct learns easy arithmetic in minutes.

Paper: GRPO, Shao et al., https://arxiv.org/abs/2402.03300, on-policy (so its clip never
acts), without a KL term, and with DAPO's token mean, https://arxiv.org/abs/2503.14476.
Run: bash scripts/quickstart.sh
Expect: on 2 CPU cores 5 to 7 minutes and 5 GB; greedy accuracy on 113 unseen questions
from about 0.22 to about 0.75. The asked form is a response that ends in a number.
"""

from jaxrl.config import Config, EvaluationConfig, OutputConfig, SamplingConfig


def config() -> Config:
  """30 steps of 8 questions x 8 samples of up to 12 tokens."""
  return Config(
    steps=30,
    prompts_per_step=8,
    group_size=8,
    micro_batches=2,
    responses_per_row=8,
    sampling=SamplingConfig(
      max_prompt_tokens=112, max_response_tokens=12, prompt_bucket_tokens=56
    ),
    evaluation=EvaluationConfig(every_steps=10, problems=160, batch_rows=64),
    output=OutputConfig(checkpoint_every_steps=0),
    task={
      "name": "reasoning_gym",
      "mix": (
        "chain_sum(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
        "products(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
        "gcd(min_numbers=2, max_numbers=2, min_value=1, max_value=9)",
      ),
      "draws": 1000,
      "test_fraction": 0.3,
      "answer_form": "ending",
      "instruction": "",
      "system": "Answer with the number only.",
    },
    schedule={"name": "constant", "learning_rate": 1e-5},
  )
