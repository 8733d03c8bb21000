"""He et al. 2025: neighbouring steps of one verdict are one thought."""

import math


def merged(steps, verdicts):
  """Numbers the thoughts first, then looks up each token's."""
  thought_of, thought = [], 0
  for step, verdict in enumerate(verdicts):
    if step > 0:
      before = verdicts[step - 1]
      both_missing = math.isnan(verdict) and math.isnan(before)
      thought += 0 if verdict == before or both_missing else 1
    thought_of.append(thought)
  return [thought_of[step] for step in steps]
