"""Votes over answers, counted one by one."""

CASES = [{}]


def tally(answers, scores):
  """[answer, count, sum, highest] in the order of appearance."""
  table = []
  for answer, score in zip(answers, scores, strict=True):
    if answer is None:
      continue
    for line in table:
      if line[0] == answer:
        line[1] += 1
        line[2] += score
        line[3] = max(line[3], score)
        break
    else:
      table.append([answer, 1, score, score])
  return table


def first_highest(table, number):
  """The first answer with the highest number."""
  winner, top = None, None
  for line in table:
    if top is None or number(line) > top:
      winner, top = line[0], number(line)
  return winner


def majority(answers, scores):
  return first_highest(tally(answers, scores), lambda line: line[1])


def weighted_vote(answers, scores):
  return first_highest(tally(answers, scores), lambda line: line[2])


def vote_mean(answers, scores):
  return first_highest(tally(answers, scores), lambda line: line[2] / line[1])


def best(answers, scores):
  return first_highest(tally(answers, scores), lambda line: line[3])


def self_prm(answers, scores):
  pairs = [(a, s) for a, s in zip(answers, scores, strict=True) if a is not None]
  top = max((s for _, s in pairs), default=None)
  tied = [a for a, s in pairs if s == top]
  return majority(tied, [0.0] * len(tied))


def frequency_vote(answers, scores, weight=0.5):
  table = tally(answers, scores)
  means = [line[2] / line[1] for line in table]
  for line, mean in zip(table, means, strict=True):
    spread = max(means) - min(means)
    scaled = (mean - min(means)) / spread if spread > 0 else 0.0
    line.append(weight * scaled + (1 - weight) * line[1] / len(answers))
  return first_highest(table, lambda line: line[4])


def hybrid(answers, scores, share=0.5):
  table = tally(answers, scores)
  top = first_highest(table, lambda line: line[1])
  for line in table:
    if line[0] == top and line[1] > share * len(answers):
      return top
  return vote_mean(answers, scores)
