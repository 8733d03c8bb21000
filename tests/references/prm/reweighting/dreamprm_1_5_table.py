"""Cao and Xie 2025, main_table.py: a parameter for each item, within bounds."""

CASES = [{}, {"lower": 0.0, "upper": 1.5}]


def dreamprm_1_5_table(instance_weights, instance, *, lower=-1.0, upper=3.0):
  """A weight for each row."""
  weights = []
  for i in instance:
    u = float(instance_weights[i])
    weights.append(lower if u < lower else upper if u > upper else u)
  return weights
