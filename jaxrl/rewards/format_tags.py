"""Is the response reasoning and then an answer, in tags? https://arxiv.org/abs/2501.12948.

The format reward of DeepSeek-R1, section 2.2.2, for its template of table 1.

  r_i = weight * [response i is <t1> .. </t1> <t2> .. </t2> ..]
        + each * #{marks that stand exactly once in response i}

over the tags t1, t2, .. in their order, with two marks a tag, <t> and </t>. For the
first term every mark stands exactly once, with nothing but white space before, between
and after the pairs; what is inside may be anything, also nothing. Marks are compared
exactly, capitals included. The second term is paid whether or not the first one is.

The paper states neither a value nor a rule; 0 and 1 are assumed. The defaults leave out
the second term. open-r1's tag count is weight=0, each=0.25, and its format reward the
first term; both also want line breaks around the marks, and its pattern is laxer about
repeated marks and about text after the answer. Where the prompt ends in <think>, the
response lacks that mark and the whole form is never met.
"""


def format_tags(
  problem: object,
  response: str,
  *,
  tags: tuple[str, ...] = ("think", "answer"),
  weight: float = 1.0,
  each: float = 0.0,
) -> float:
  """One reward; the problem is not looked at."""
  marks = [mark for tag in tags for mark in (f"<{tag}>", f"</{tag}>")]
  single = [response.count(mark) == 1 for mark in marks]
  whole = all(single) and _in_order(response, marks)
  return weight * whole + each * sum(single)


def _in_order(response: str, marks: list[str]) -> bool:
  """Whether nothing stands outside the pairs; each mark stands somewhere, once."""
  end = 0
  for opening, closing in zip(marks[::2], marks[1::2], strict=True):
    start = response.index(opening)
    if start < end or response[end:start].strip():
      return False
    end = response.index(closing) + len(closing)
    if end < start + len(opening) + len(closing):
      return False
  return not response[end:].strip()
