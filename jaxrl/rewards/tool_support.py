"""Does the rationale rely on what its tool put out? Zou et al., TaTToo,
https://arxiv.org/abs/2510.06217: the tool term of its reward.

  r_i = weight support(v_i),  support = 1 where the last output is used behind it

An output stands between <output> and </output>, where whoever runs the programs puts
it. It is used if the text behind it has its last line, or a number of it that nothing
before it has. An output of nothing and one that is an error support nothing. The
paper's `support` says that the rationale uses the tool's output and not how that is
found out: this rule, and that the last output alone counts, are choices.
"""

import re

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ERROR = re.compile(r"(?:\w+Error|\w*Exception|no output|timeout|crash|error)\b")


def tool_support(problem: object, response: str, *, weight: float = 1.0) -> float:
  """One reward; the problem is not looked at."""
  before, opened, rest = response.rpartition("<output>")
  output, closed, behind = rest.partition("</output>")
  output = output.strip()
  last = output.rpartition("\n")[2].strip()
  if not opened or not closed or not last or _ERROR.match(last):
    return 0.0
  new = {*_NUMBER.findall(output)} - {*_NUMBER.findall(before)}
  line = re.search(rf"(?<!\w){re.escape(last)}(?!\w)", behind)
  return weight * bool(new & {*_NUMBER.findall(behind)} or line)
