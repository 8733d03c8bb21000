"""One advantage a response; None is a reward that the verifier could not give."""

import statistics


def group_norm(rewards, groups, *, epsilon=1e-6, ddof=1):
  """DeepSeekMath section 4.1.2: (r - mean(r)) / std(r) within each group."""
  advantages = []
  for reward, group in zip(rewards, groups, strict=True):
    peers = [
      r for r, g in zip(rewards, groups, strict=True) if g == group and r is not None
    ]
    if reward is None or len(peers) < 2 or max(peers) == min(peers):
      advantages.append(0.0)
      continue
    spread = statistics.stdev(peers) if ddof == 1 else statistics.pstdev(peers)
    advantages.append((reward - statistics.fmean(peers)) / (spread + epsilon))
  return advantages
