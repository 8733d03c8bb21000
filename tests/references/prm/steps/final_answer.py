"""Zou et al. 2025: blank lines cut the thought, the rest is the answer."""

from tests.references.prm.steps.newline import dense
from tests.references.prm.steps.separator import separator as cut_all

CASES = [
  {},
  {"marker": "."},
  {"marker": " <step>"},
  {"separator": "\n", "marker": "\n\n"},
]


def final_answer(pieces, *, marker="</think>", separator="\n\n"):
  """Number the thought's characters as if it stood alone, then one step more."""
  text = "".join(pieces)
  at = 0
  while at < len(text) and text[at : at + len(marker)] != marker:
    at += 1
  thought, answer = text[:at], text[at + len(marker) :]
  if thought.strip() == "" or answer.strip() == "":
    return cut_all(pieces, text=separator)
  step_of = cut_all(list(thought), text=separator)
  step_of += [step_of[-1]] * len(marker)
  step_of += [step_of[-1] + 1] * len(answer)
  return dense(pieces, step_of)
