"""A critic of steps, from critiques that outcomes bear out.

Paper: Zheng et al., Critic-CoT, https://arxiv.org/abs/2408.16326 (critiques of GPT-4,
then of the model itself; up to 16 tries, temperature 0.7, top-p 0.95, five right and
five wrong solutions a question; next-token loss on critiques and rewrites). Sizes and
rate are those of configs/prm/__init__.py.
Run: jaxrl label prm/critic_cot labels.jsonl \
  && jaxrl judge prm/critic_cot labels.jsonl judged.jsonl --form critic --votes 16 \
  --refine 1 && jaxrl train prm/critic_cot
At test time the vote of what it accepts, and rewrites until it accepts, 3 at most:
  jaxrl judge runs/prm-critic_cot new.jsonl scored.jsonl --form critic --refine 3
prints filter_vote_accuracy beside majority_accuracy, and refined_accuracy.
Expect: unmeasured.

Id: critic_cot
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run; no step is labelled, only answers are checked."""
  return prm.imitation(
    sampling=dataclasses.replace(prm.GENERATIVE.sampling, temperature=0.7, top_p=0.95),
    labelling=prm.labelling(solutions=10),
    query={"name": "nothing"},
    labels={"name": "outcome_only"},
    task={"name": "kept_critiques", "path": "judged.jsonl"},
  )
