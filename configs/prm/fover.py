"""Labels by a formal checker, on logic problems: each inference is proved by Z3.

Paper: Kamoi et al., FoVer, https://arxiv.org/abs/2505.15960. A head of two classes
stands for the paper's chat model that says "correct" or "incorrect" behind a step, and
reads all steps of a solution at once; theorem proofs in Isabelle are not here. The best
of K solutions has the greatest least step score (`prm/scores/minimum`); K = 5. The
paper has one epoch, a warm-up of half the steps and rates of 1e-6 to 2e-5.
Id: fover
Run: jaxrl label prm/fover labels.jsonl && jaxrl train prm/fover
Expect: unmeasured.
"""

from jaxrl.config import Config, LabellingConfig, SamplingConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels_of={"name": "logic_steps"},
    sampling=SamplingConfig(
      max_prompt_tokens=320, max_response_tokens=128, prompt_bucket_tokens=64
    ),
    labelling=LabellingConfig(problems=500, solutions=4),
    micro_batch_tokens=896,
    packed_row_tokens=448,
    query={"name": "nothing"},
    labels={"name": "fover"},
    selectors=({"name": "balanced_labels"},),
    loss={"name": "prm/objectives/step_ce"},
    readout={"name": "class_share"},
    schedule={"name": "linear", "learning_rate": 5e-6, "warmup_steps": 100},
  )
