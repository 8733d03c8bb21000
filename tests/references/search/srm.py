"""Gu and Liang 2025: speculative acceptance of a node's actions."""

CASES = [{}]


def srm(reward, policy, u):
  """Accepted or not, and the accepted actions from the most consistent on."""
  accept, consistency = [], []
  for r, p, draw in zip(reward, policy, u, strict=True):
    r = r / sum(reward) if sum(reward) > 0 else 0.0
    p = p / sum(policy) if sum(policy) > 0 else 0.0
    if r == 0:
      accept.append(False)
    elif p == 0:
      accept.append(True)
    else:
      accept.append(draw < min(1.0, r / p))
    consistency.append(min(r, p) / max(r, p) if max(r, p) > 0 else 0.0)
  kept = [a for a in range(len(reward)) if accept[a]]
  kept.sort(key=lambda a: (-round(consistency[a], 5), -policy[a]))
  return accept, kept
