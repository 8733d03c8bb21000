"""The share of word n-grams that are repeats. Yeo et al., https://arxiv.org/abs/2502.03373.

  r_i = -penalty * (1 - distinct n-grams / n-grams)

over the n-grams of the response's words: what white space separates, in lower case. A
response of fewer than n words gets 0. The paper's appendix C.2 penalises repeated
n-grams token by token (`repetition_penalty` does); this form, of a whole response, is
open-r1's `get_repetition_penalty_reward`, with its n of 3 and largest penalty of 1. The
largest is never quite reached: one n-gram is always distinct.
"""


def ngram_penalty(
  problem: object, response: str, *, n: int = 3, penalty: float = 1.0
) -> float:
  """One reward, between -penalty and 0; the problem is not looked at."""
  words = response.lower().split()
  count = len(words) - n + 1
  if count < 1:
    return 0.0
  distinct = {tuple(words[start : start + n]) for start in range(count)}
  return -penalty * (1 - len(distinct) / count)
