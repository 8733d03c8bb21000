"""Cao et al. 2025: forks into two tokens where entropy is high; shares of leaves."""

import collections
import math

CASES = [{}, {"threshold": math.inf}, {"leaves": 3}]
SIZES = {"threshold": 5.04, "leaves": 12}


def edu_prm(world, *, threshold, leaves):
  """Walks token by token; each path is decoded anew from its own prefix."""
  # A path: tokens, where its fragments end, whether it has ended, and the last token
  # it may not fork at, which is the one that a fork has put there.
  queue = collections.deque([((), (), 0)])
  finished, count = [], 1
  while queue:
    tokens, ends, free = queue.popleft()
    while True:
      token, other, entropy = world.next(tokens)
      if token is None:
        finished.append((tokens, ends))
        break
      if entropy > threshold and count < leaves and len(tokens) >= free:
        count += 1
        cut = (*ends, len(tokens)) if tokens else ()
        for choice in (token, other):
          if world.stops(choice):
            finished.append((tokens, cut))
          else:
            queue.append(((*tokens, choice), cut, len(tokens) + 1))
        break
      if world.stops(token):
        finished.append((tokens, ends))
        break
      tokens = (*tokens, token)
  found = []
  for tokens, ends in finished:
    texts = [world.text(tokens[a:b]) for a, b in zip((0, *ends), (*ends, len(tokens)))]  # noqa: B905
    found.append((tokens, (*ends, len(tokens)), texts, world.outcome("".join(texts))))
  result = []
  for tokens, ends, texts, _ in found:
    numbers = []
    for end in ends:
      below = [
        outcome
        for other, cuts, _, outcome in found
        if end in cuts and other[:end] == tokens[:end]
      ]
      numbers.append(sum(below) / len(below))
    # A fragment that adds no text is none.
    kept = [(text, share) for text, share in zip(texts, numbers, strict=True) if text]
    if kept:
      result.append((tokens, [text for text, _ in kept], [share for _, share in kept]))
  return result
