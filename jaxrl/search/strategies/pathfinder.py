"""PathFinder: steps of two passes of rewards, greedily. Pala et al., https://arxiv.org/abs/2505.19706.

  s_t = argmax over `searching.rows` sampled steps s of r(s_<t, s)
  r = -1 where the first pass says - to the mathematics or the consistency,
      else what the second pass says, with + and + written in

with the rewards of `prm/pathfinder` and the model in `prm`, which `prm/pathfinder_prm`
trains: 8 steps at temperature 0.7 in the paper. Of equal ones the first is taken. Where
every one has -1 the authors' code has no choice; here the second pass compares them,
with the labels of the first.

A step ends where `cut` says, or after `searching.step_tokens` tokens; the walk ends
with the response, after `searching.rounds` steps, or where there is no more room.

Id: pathfinder_prm
"""

from jaxrl.prm.pathfinder import greedy
from jaxrl.search.on_host import Answer, Host


def pathfinder(host: Host) -> list[Answer]:
  """A response to each problem."""
  settings, scorer = host.run.config.searching, host.scorer()
  found = []
  for part in host.batches():
    grower = host.grower(part)
    nodes = greedy(
      grower,
      scorer,
      candidates=settings.rows,
      step_tokens=settings.step_tokens,
      depth=settings.rounds,
    )
    found += [
      Answer(node.text, finished=node.ended, tokens=grower.tokens[plot])
      for plot, node in enumerate(nodes)
    ]
  return found
