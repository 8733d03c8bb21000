"""Was the answer given in the form that was asked for? https://arxiv.org/abs/2501.12948.

  r_i = weight * [response i has the task's answer form]

The form is the task's (its `answer_form`), found by its verifier.
"""

from jaxtyping import Array, Float


def answer_format(
  formatted: Float[Array, " B"], *, weight: float = 1.0
) -> Float[Array, " B"]:
  """One reward a row."""
  return weight * formatted
