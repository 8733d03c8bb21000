"""DeepSeek-R1 section 2.2.2: the sequence of the marks, and the text between them."""

import re

CASES = [
  {},
  {"weight": 0.5},
  {"each": 0.25},
  {"weight": 0.0, "each": 0.25},
  {"tags": ("think",)},
  {"tags": ("answer", "think"), "each": 0.125},
  {"tags": ("b", "a", "think")},
]


def format_tags(problem, response, *, tags=("think", "answer"), weight=1.0, each=0.0):
  """One reward."""
  wanted = [mark for tag in tags for mark in ("<" + tag + ">", "</" + tag + ">")]
  pieces = re.split("(" + "|".join(map(re.escape, wanted)) + ")", response)
  found, outside = pieces[1::2], pieces[::4]  # every second text is inside a pair
  total = 0.0
  if found == wanted and all(text.isspace() or text == "" for text in outside):
    total = weight
  for mark in wanted:
    if len([other for other in found if other == mark]) == 1:
      total += each
  return total
