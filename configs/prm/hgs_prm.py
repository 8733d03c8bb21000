"""Classes of lines of mutated programs, by their unit tests.

Paper: Ma et al., HGS-PRM, https://arxiv.org/abs/2310.10080, its model of code; that of
maths learns PRM800K's three ratings in the same way. `jaxrl search search/hgs --prm
runs/prm-hgs_prm` walks by the classes.
Data: as in configs/code.py.
Id: hgs_prm
Run: jaxrl label prm/hgs_prm labels.jsonl && jaxrl train prm/hgs_prm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.config_parts import SamplingConfig, VerifyConfig
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels_of={
      "name": "code_jsonl",
      "train_path": "train.jsonl",
      "test_path": "test.jsonl",
    },
    sampling=SamplingConfig(max_prompt_tokens=512, max_response_tokens=512),
    micro_batch_tokens=2048,
    packed_row_tokens=1024,
    verify=VerifyConfig(timeout_seconds=10.0),
    labelling=prm.labelling(problems=374),
    cut={"name": "code_lines"},
    tree={"name": "hgs_prm"},
    query={"name": "nothing"},
    labels={"name": "hgs_prm"},
    loss={"name": "prm/objectives/step_classes"},
    readout={"name": "class_share", "good": 2, "among": (0, 1, 2)},
  )
