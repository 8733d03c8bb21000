"""AlphaMath: search trees teach one model, policy and value, in rounds.

Paper: Chen et al., https://arxiv.org/abs/2405.03553: 3 rounds, temperature 0.6 in the
trees, weight 0.1 of the value. Round 1 searches without a value. The next ones take
the run that the last one trained, as policy and, in `--prm`, as value:
  jaxrl label runs/prm-alphamath 2.jsonl --prm runs/prm-alphamath \\
    --sampling.temperature 0.6
  jaxrl train prm/alphamath --task.path 2.jsonl --name alphamath-2
and so on. Each round trains the weights of `model.path`, the base; to go on from the
last round's, `jaxrl export` them and name their directory. Answers, once exported:
`jaxrl search search/alphamath --model.path EXPORTED --prm runs/prm-alphamath`, or with
`--search.name value_guided_blocks` the step-level beams.
Run: jaxrl label prm/alphamath labels.jsonl --sampling.temperature 0.6 && \\
  jaxrl train prm/alphamath
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    tree={"name": "alphamath", "step_tokens": 32},
    query={"name": "nothing"},
    labels={"name": "alphamath"},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "prm/objectives/alphamath"},
    readout={"name": "tanh_value"},
  )
