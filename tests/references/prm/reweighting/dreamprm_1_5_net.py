"""Cao and Xie 2025, main_net.py: a small network on (P(+), P(-)), a mean over steps."""

import math

CASES = [{}, {"activation": "clip"}]


def dreamprm_1_5_net(
  weight_net, step_outputs, mask, *, hidden=10, activation="sigmoid"
):
  """A weight for each row."""
  weights = []
  for i in range(len(mask)):
    found = []
    for t in range(mask.shape[1]):
      if not mask[i, t]:
        continue
      wrong, right = (math.exp(z) for z in step_outputs[i, t])
      plus, minus = right / (wrong + right), wrong / (wrong + right)
      out = float(weight_net["offset"])
      for h in range(hidden):
        x = plus * weight_net["below"][0, h] + minus * weight_net["below"][1, h]
        x += weight_net["bias"][h]
        out += weight_net["last"][h] * (x if x > 0 else 0.01 * x)
      found.append(out)
    mean = sum(found) / len(found) if found else 0.0
    if activation == "sigmoid":
      weights.append(1 / (1 + math.exp(-mean)))
    else:
      weights.append(min(max(mean, -1.0), 3.0))
  return weights
