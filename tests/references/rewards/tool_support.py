"""Zou et al. 2025 (TaTToo): an output is used if a new number or its line is said."""

CASES = [{}, {"weight": 0.25}]
ERRORS = ("no output", "timeout", "crash", "error")


def numbers(text):
  """Runs of digits, with a sign before and a fraction behind."""
  found, i = [], 0
  while i < len(text):
    start = i
    if text[i] == "-" and i + 1 < len(text) and text[i + 1].isdigit():
      i += 1
    if not text[i].isdigit():
      i = start + 1
      continue
    while i < len(text) and text[i].isdigit():
      i += 1
    if text[i : i + 1] == "." and text[i + 1 : i + 2].isdigit():
      i += 1
      while i < len(text) and text[i].isdigit():
        i += 1
    found.append(text[start:i])
  return found


def is_word(character):
  return character.isalnum() or character == "_"


def stands_alone(part, text):
  """Whether a part is in a text with no letter or digit beside it."""
  for at in range(len(text) - len(part) + 1):
    if text[at : at + len(part)] == part:
      left = at > 0 and is_word(text[at - 1])
      right = at + len(part) < len(text) and is_word(text[at + len(part)])
      if not left and not right:
        return True
  return False


def failed(line):
  first = ""
  for character in line:
    if not is_word(character):
      break
    first += character
  if first.endswith(("Exception",)) or (first.endswith("Error") and first != "Error"):
    return True
  return any(stands_alone(word, line) and line.startswith(word) for word in ERRORS)


def tool_support(problem, response, *, weight=1.0):
  parts = response.split("<output>")
  before, rest = "<output>".join(parts[:-1]), parts[-1]
  if len(parts) == 1 or "</output>" not in rest:
    return 0.0
  output, behind = rest.split("</output>", 1)
  lines = output.strip().split("\n")
  last = lines[-1].strip()
  if not last or failed(last):
    return 0.0
  new = [x for line in lines for x in numbers(line) if x not in numbers(before)]
  used = any(x in numbers(behind) for x in new) or stands_alone(last, behind)
  return weight if used else 0.0
