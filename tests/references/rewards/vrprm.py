"""Chen et al. 2025 (VRPRM), from the published reward's description, class by class."""

CASES = [{}, {"step_weight": 0.5, "format_weight": 0.3, "think_weight": 0.2}]
CASES += [{"f_weight": 0.0}, {"f_weight": 1.0}]


def between(text, first, last):
  """The text between two marks that stand in this order, or None."""
  if first not in text:
    return None
  rest = text.split(first, 1)[1]
  return rest.split(last, 1)[0] if last in rest else None


def answers(text):
  """The last block of digits, blanks and commas, as a list."""
  found = []
  for part in text.split("<answer>")[1:]:
    if "</answer>" in part:
      inner = part.split("</answer>", 1)[0]
      if all(c in "01, \n\t" for c in inner):
        found = [int(c) for c in inner if c in "01"]
  return found


def f1_of(which, labels, said):
  """Counts of one class, then its F1; None where it does not enter."""
  tp = fp = fn = 0
  enters = which in labels
  for i in range(max(len(labels), len(said))):
    if i >= len(labels):
      if said[i] == which:
        fp += 1
        enters = True
    elif labels[i] is None:
      continue
    elif i >= len(said):
      fn += labels[i] == which
    else:
      tp += labels[i] == which and said[i] == which
      fn += labels[i] == which and said[i] != which
      fp += labels[i] != which and said[i] == which
  if not enters:
    return None
  precision = tp / (tp + fp) if tp + fp else 0.0
  recall = tp / (tp + fn) if tp + fn else 0.0
  return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def vrprm(
  problem,
  response,
  *,
  step_weight=0.97,
  format_weight=0.02,
  think_weight=0.01,
  f_weight=0.85,
):
  labels, said = problem.data["labels"], answers(response)
  classes = [
    x for x in (f1_of(0, labels, said), f1_of(1, labels, said)) if x is not None
  ]
  f = sum(classes) / len(classes) if classes else 0.0
  wrong_count = max(len(said) - len(labels), 0) + max(len(labels) - len(said), 0)
  c = max(0.0, 1 - wrong_count / len(labels))
  step = f_weight * min(f, c) + (1 - f_weight) * c
  if not any(label is not None for label in labels):
    step = 0.0
  marks = ["<think>", "</think>", "<answer>", "</answer>"]
  once = [mark for mark in marks if len(response.split(mark)) == 2]
  form = len(once) * 0.2
  if len(once) == 4:
    rest = response.strip()
    ordered = rest.startswith("<think>") and rest.endswith("</answer>")
    middle = rest.split("</think>")[1].split("<answer>")[0] if ordered else "x"
    whole = ordered and rest.index("</think>") < rest.index("<answer>")
    inner = between(rest, "<answer>", "</answer>")
    if whole and not middle.strip() and inner and all(c in "01, \n\t" for c in inner):
      form = 1.0
  thought = between(response, "<think>", "</think>")
  n = 0 if thought is None else len(thought.strip())
  think = n / 80 if n < 80 else 1.0 if n <= 1200 else max(0.0, 2 - n / 1200)
  return step_weight * step + format_weight * form + think_weight * think
