"""Lines of code, labelled by a search for the first that cannot be saved.

Paper: Dai et al., PSGPO, https://arxiv.org/abs/2410.17621: 20 completions of a prefix,
a regression on +1 before that line and -1 from it on. `code_line_prm_ppo` uses the
model, for rewards and as its critic's start.
Data: as in configs/code.py.
Run: jaxrl label prm/code_lines labels.jsonl && jaxrl train prm/code_lines
Expect: unmeasured; for models that write Python already. Linux, as configs/code.py.
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
    labelling=prm.labelling(problems=374, completions=20),
    cut={"name": "code_lines"},
    query={"name": "bisect"},
    labels={"name": "code_line"},
    loss={"name": "prm/objectives/value_mse"},
    reduction={"name": "sequence_mean"},
    readout={"name": "tanh_value"},
  )
