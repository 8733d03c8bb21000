"""ScaleRL section 3.2: the mean over prompts of the mean over a prompt's tokens."""


def prompt_mean(losses, mask, group):
  """Prompts in which nothing trains are left out."""
  tokens = {}
  for row, kept, prompt in zip(losses, mask, group, strict=True):
    for loss, keep in zip(row, kept, strict=True):
      if keep:
        tokens.setdefault(int(prompt), []).append(loss)
  means = [sum(found) / len(found) for found in tokens.values()]
  return sum(means) / len(means) if means else 0.0
