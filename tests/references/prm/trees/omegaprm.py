"""Luo et al. 2024: wrong rollouts of mostly right states, searched by halves."""

import math

CASES = [{}, {"alpha": 0.9, "beta": 0.2, "scale": 5.0}, {"exploration": 2.0}]
SIZES = {"searches": 4, "completions": 2}


def omegaprm(
  world,
  *,
  searches,
  completions,
  alpha=0.5,
  beta=0.9,
  scale=500.0,
  exploration=0.125,
):
  """MC of the asked prefixes of searched rollouts and of right ends."""
  states, pool, ends = [], [], []

  def learn(node, count):
    rollouts = world.rollouts(len(states), node, count)
    right = [r for r in rollouts if r.outcome == 1]
    state = {"node": node, "mc": len(right) / count, "n": 0}
    states.append(state)
    if 0 < state["mc"] < 1:
      wrong = [r for r in rollouts if r.outcome == 0]
      pool.extend((state, r) for r in wrong if len(r.texts) > len(node.texts))
    ends.extend([r for r in right if r.texts][:1])
    return state["mc"]

  def priority(pair):
    state, rollout = pair
    length = len(rollout.tokens) - len(state["node"].tokens)
    q = alpha ** (1 - state["mc"]) * beta ** (length / scale)
    total = sum(s["n"] for s in states)
    return q + exploration * math.sqrt(total) / (1 + state["n"])

  learn(world.root, 4 * completions)
  for _ in range(searches):
    if not pool:
      break
    pair = max(pool, key=priority)
    pool.remove(pair)
    state, rollout = pair
    ends.append(rollout)
    candidates = list(range(len(state["node"].texts) + 1, len(rollout.texts)))
    while candidates:
      middle = candidates[(len(candidates) - 1) // 2]
      mc = learn(world.short(rollout, middle), completions)
      candidates = [c for c in candidates if (c > middle if mc > 0 else c < middle)]
    state["n"] += 1
  told, found = set(), []
  for end in ends:
    numbers = []
    for t in range(len(end.texts)):
      prefix = world.short(end, t).tokens
      known = [s["mc"] for s in states if s["node"].tokens == prefix]
      numbers.append(known[-1] if known and prefix not in told else math.nan)
      told.add(prefix)
    found.append((end.texts, [*numbers, math.nan]))
  return found
