"""A verifier of steps on tables, which computes what it claims: its first stage.

Paper: Zou et al., TaTToo, https://arxiv.org/abs/2510.06217 (60K rationales with tool
calls, their labels from a judge of table steps and one of reasoning). One prompt serves
for all kinds of steps: a step on a table has the part that it retrieved before it, from
`about.step_documents` of a line of labels.jsonl, one of reasoning has none; whole
tables are in the question or in `about.documents`. Programs do the look-ups. Sizes and
rate are those of configs/prm/__init__.py.
Run: jaxrl label prm/tattoo_sft labels.jsonl --labelling.judge.model JUDGE \
  && jaxrl judge prm/tattoo_sft labels.jsonl judged.jsonl --votes 4 \
  && jaxrl train prm/tattoo_sft
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.imitation(
    query={"name": "nothing"},
    labels={"name": "aurora"},
    labelling=prm.labelling(judge=JudgeConfig(forms=("table",))),
    task={"name": "kept_judgements", "path": "judged.jsonl", "form": "table"},
  )
