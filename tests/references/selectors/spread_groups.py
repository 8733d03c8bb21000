"""ScaleRL section 3.2: prompts whose rewards are all equal leave the loss."""

import collections


def spread_groups(mask, rewards, scored, group):
  """The mask that is left."""
  seen = collections.defaultdict(list)
  for r, s, g in zip(rewards, scored, group, strict=True):
    if s:
      seen[int(g)].append(r)
  left = [[0.0 for _ in row] for row in mask]
  for i, g in enumerate(group):
    values = seen[int(g)]
    if scored[i] and min(values) < max(values):
      left[i] = list(mask[i])
  return left
