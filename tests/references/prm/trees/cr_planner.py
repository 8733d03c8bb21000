"""Li et al. 2024: UCT over sub-goals and their executions, a rollout for each child."""

import math

from tests.references.prm.trees import above, shut

CASES = [{}, {"exploration": 0.1}]
SIZES = {"iterations": 9, "samples": 3}


def cr_planner(world, *, iterations, samples, exploration=1.414):
  """(critic, better plan, worse plan), in any order.

  `world` has `goals(plan)`, `execute(number, plan, goal, count)`, and `rollout(number,
  plan)`, 1 or 0; `number` is of the node, or what that of a k-th child would be.
  """
  root = {"plan": (), "goal": None, "up": None, "kids": [], "got": [], "shut": False}
  root["end"] = False
  nodes, wide = [root], max(samples, 3)

  def score(kid):
    mean = sum(kid["got"]) / len(kid["got"])
    log_n = math.log(len(kid["up"]["got"]))
    return mean + exploration * math.sqrt(log_n / len(kid["got"]))

  for _ in range(iterations):
    if root["shut"]:
      break
    place = root
    while place["kids"]:
      place = max(place["kids"], key=score)
    number = nodes.index(place)
    if place["end"]:
      gains = [(place, place["first"])]
    elif place["goal"] is None:
      new = [
        {"plan": place["plan"], "goal": goal} for goal in world.goals(place["plan"])
      ]
    else:
      lines = world.execute(number, place["plan"], place["goal"], samples)
      new = [{"plan": (*place["plan"], line), "goal": None} for line in lines]
    if not place["end"]:
      for k, kid in enumerate(new):
        kid |= {"up": place, "kids": [], "got": []}
        kid["end"] = kid["goal"] is None and not world.goals(kid["plan"])
        kid["shut"] = kid["end"]
        goal = () if kid["goal"] is None else (kid["goal"],)
        kid["first"] = world.rollout(1 + number * wide + k, (*kid["plan"], *goal))
      place["kids"] = new
      nodes += new
      gains = [(kid, kid["first"]) for kid in new]
    for start, gain in gains:
      for one in above(start):
        one["got"].append(gain)
    shut(place)
  found = []
  for node in nodes:
    for a in node["kids"]:
      for b in node["kids"]:
        means = [sum(x["got"]) / len(x["got"]) for x in (a, b)]
        if means[0] > means[1] and (a["plan"], a["goal"]) != (b["plan"], b["goal"]):
          begins = a["plan"][-1] if a["goal"] is None else ""
          kinds = {"R": "reason", "Q": "query", "D": "retrieve", "": "goal"}
          line = lambda x: (*x["plan"], *([x["goal"]] if x["goal"] else []))
          found.append((kinds[begins[:1]], line(a), line(b)))
  return found
