"""Four critics of plans: of sub-goals, rationales, queries and documents.

Paper: Li et al., CR-Planner, https://arxiv.org/abs/2410.01428 (LoRA on an 8B reward
model there; learning rate and sizes of the tree were not seen). Each critic is a run of
its own, on the pairs of its kind. documents.jsonl has lines of {"text": ...}.
Run: jaxrl label prm/cr_planner pairs.jsonl \
  && for c in goal reason query retrieve; \
  do jaxrl train prm/cr_planner --name cr-$c --task.critic $c; done
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config, SearchConfig
from jaxrl.configs import prm

PLANS = {
  **prm.BASE.labels_of,
  "system": "Write line by line. 'Query:' asks for a document, 'Document:' is one that "
  "was found, 'Reason:' is a step; the last of these says: the answer is, and which.",
}


def config() -> Config:
  """Lines of at most 32 tokens, 10 of a plan."""
  sampling = dataclasses.replace(prm.BASE.sampling, max_response_tokens=256)
  return prm.config(
    group_size=2,
    micro_batch_tokens=1024,
    packed_row_tokens=512,
    sampling=sampling,
    searching=SearchConfig(problems=64, rounds=10, step_tokens=32),
    task={
      "name": "step_pairs",
      "path": "pairs.jsonl",
      "critic": "goal",
    },
    labels_of=PLANS,
    tree={"name": "cr_planner"},
    query={"name": "nothing"},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "prm/objectives/bradley_terry"},
    reduction={"name": "sequence_mean"},
  )
