"""The one exception that `models` raises on purpose."""


class ModelError(ValueError):
  """One line: what is wrong, where, and what to do about it."""
