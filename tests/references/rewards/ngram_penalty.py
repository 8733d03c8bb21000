"""Yeo et al. 2025 in open-r1's form: every n-gram against all that come before it."""

CASES = [{}, {"n": 1}, {"n": 2, "penalty": 0.5}, {"n": 5}]


def ngram_penalty(problem, response, *, n=3, penalty=1.0):
  """Minus the penalty's share: repeats of all n-grams."""
  words = [word.lower() for word in response.split()]
  ngrams = list(zip(*(words[shift:] for shift in range(n)), strict=False))
  repeats = sum(ngram in ngrams[:i] for i, ngram in enumerate(ngrams))
  return -penalty * repeats / len(ngrams) if ngrams else 0.0
