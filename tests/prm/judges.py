"""Judges that are plain functions, as a user would write them in a file."""

import numpy as np

CALLS = []


def by_letters(ask, *, form):
  """A verdict of each step from its text, another one for each form."""
  CALLS.append((ask, form))
  return np.array([expected(step, form) for step in ask.steps])


def expected(step, form):
  return float((sum(map(ord, step)) + len(form)) % 3 > 0)


def late(ask, *, form):
  """No answer where an even number is added."""
  if int(ask.question[2]) % 2 == 0:
    raise TimeoutError("no answer in time")
  return by_letters(ask, form=form)


def of_documents(ask, *, form):
  """Right where a document has the step's question in it."""
  CALLS.append((ask, form))
  return np.full(len(ask.steps), float(any(ask.question in d for d in ask.documents)))


def grades(ask, *, form):
  return np.full(len(ask.steps), 0.5)


def too_few(ask, *, form):
  return np.ones(len(ask.steps) + 1)
