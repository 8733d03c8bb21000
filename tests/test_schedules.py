"""Learning rates at hand-computed steps: 4 of warm-up, then 8 down to a tenth."""

import math

import pytest

from jaxrl.pick import pick

PEAK, LOW = 0.1, 0.01
HALF = LOW + (PEAK - LOW) * (1 + math.cos(math.pi / 4)) / 2  # a quarter of the way down
EXPECTED = {
  "constant": {0: 0.0, 2: 0.05, 4: PEAK, 6: PEAK, 12: PEAK, 50: PEAK},
  "linear": {0: 0.0, 2: 0.05, 4: PEAK, 6: 0.0775, 12: LOW, 50: LOW},
  "cosine": {0: 0.0, 2: 0.05, 4: PEAK, 6: HALF, 12: LOW, 50: LOW},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_learning_rates(name):
  hparams = {"learning_rate": PEAK, "warmup_steps": 4}
  if name in ("linear", "cosine"):
    hparams["final_fraction"] = 0.1
  schedule = pick("schedules", name, **hparams)(12)
  for step, rate in EXPECTED[name].items():
    assert float(schedule(step)) == pytest.approx(rate, abs=1e-7), step
  assert float(pick("schedules", name, learning_rate=PEAK)(12)(0)) == pytest.approx(
    PEAK
  )


def test_a_delay_comes_before_the_warm_up():
  hparams = {"learning_rate": PEAK, "delay_steps": 3, "warmup_steps": 2}
  schedule = pick("schedules", "delayed", **hparams)(12)
  rates = [float(schedule(step)) for step in range(7)]
  assert rates == pytest.approx([0, 0, 0, 0, PEAK / 2, PEAK, PEAK])
