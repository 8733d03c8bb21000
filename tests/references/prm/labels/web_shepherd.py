"""Chae et al. 2025: the reward of the step as it is."""

CASES = [{}]


def web_shepherd(checklist):
  """One number a step."""
  return [float(reward) for reward in checklist]
