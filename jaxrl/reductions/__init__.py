"""How per-token losses become a scalar; the file and the function share a name.

Weights w[B, T] with loss = sum(w * l): see `types.ReductionFn`.
"""
