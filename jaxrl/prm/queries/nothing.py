"""No completions at all. As FreePRM, Sun et al., https://arxiv.org/abs/2506.03570.

  next = DONE

for rules that read only outcomes, judges, checkers or the values of a tree.
"""

from jaxrl.prm.evidence import DONE


def nothing() -> int:
  """DONE."""
  return DONE
