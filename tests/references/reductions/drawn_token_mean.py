"""AReaL: the sum over what is left, divided by the number of tokens drawn."""


def drawn_token_mean(losses, mask, drawn):
  """A token that was left out counts as a loss of 0."""
  kept = [
    loss if keep else 0.0
    for rows in zip(losses, mask, drawn, strict=True)
    for loss, keep, was in zip(*rows, strict=True)
    if was
  ]
  return sum(kept) / len(kept) if kept else 0.0
