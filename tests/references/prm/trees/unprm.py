"""Han et al. 2025, generate_train_data.py: how many samples, and which get labels."""

from tests.references.prm.labels.unprm import entropy

CASES = [{}, {"enough": 1, "least": 3}, {"kept": 3, "kept_right": 2}]


def unprm(outcomes, logps, unit, *, enough=2, least=2, kept=4, kept_right=1):
  """(N or None, places of the samples that get labels); outcomes None: not scored."""
  count, right = None, 0
  if sum(1 for outcome in outcomes if outcome == 1) > enough:
    for place, outcome in enumerate(outcomes):
      right += outcome == 1
      if right >= enough:
        count = place + 1
        break
    count = max(count, least)
    while count % unit:
      count += 1

  def change(place):
    u = [entropy(logp) for logp in logps[place]]
    jumps = [abs(u[t + 1] - u[t]) for t in range(len(u) - 1)]
    return sum(jumps) / len(jumps) if jumps else 0.0

  places = [i for i in range(len(outcomes)) if logps[i]]
  order = sorted(places, key=lambda i: (-change(i), i))
  good = [i for i in order if outcomes[i] == 1][:kept_right]
  bad = [i for i in order if outcomes[i] == 0][: kept - len(good)]
  return count, sorted(good + bad)
