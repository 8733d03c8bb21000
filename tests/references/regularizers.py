"""Per-token terms of one response."""

import math


def kl_k3(logp, logp_ref, *, coefficient=0.04):
  """DeepSeekMath eq. 4: ref/pi - log(ref/pi) - 1, times beta."""
  terms = []
  for new, ref in zip(logp, logp_ref, strict=True):
    terms.append(coefficient * (math.exp(ref) / math.exp(new) - (ref - new) - 1))
  return terms
