"""Zheng et al. 2024: walk the critique, stop at the first -1, keep it iff borne out."""

import math

CASES = [{}]


def critic_cot(verdicts, outcome, refined):
  """In the authors' numbers: +1 correct, -1 incorrect, 0 no verdict found."""
  steps = verdicts.shape[1]
  critique = verdicts[0] if len(verdicts) else [math.nan] * steps
  walked = []
  for verdict in critique:
    walked.append({1.0: 1, 0.0: -1}.get(float(verdict), 0))
    if walked[-1] == -1:
      break
  rejects = -1 in walked
  accepts = not rejects and 0 not in walked
  borne_out = (outcome == 1 and accepts) or (outcome == 0 and rejects and refined == 1)
  if not borne_out:
    return [math.nan] * steps
  labels = [{1: 1.0, -1: 0.0, 0: math.nan}[verdict] for verdict in walked]
  return labels + [math.nan] * (steps - len(walked))
