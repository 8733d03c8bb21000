import dataclasses
import json
import math

import pytest

from scripts.benchmark import limits, table
from scripts.benchmark.steps import step_times
from scripts.benchmark.task import ending, even_words


def call(seconds, **more):
  memory = {"rest_mb": 100.0, "peak_mb": 150.0, "own_cores": 1.5, "other_cores": 0.0}
  return {"seconds": seconds, **memory, **more}


def job(kind, calls, **more):
  return {"model": "5m", "name": kind, "kind": kind, "calls": calls, **more}


RESULTS = {
  "date": "2026-11-21T00:00:00+00:00",
  "command": "scripts/benchmark.sh",
  "machine": {"cpu": "A CPU", "cores": 2, "memory_gb": 8.0, "load_before": 0.0},
  "openmp": "PASSIVE",
  "versions": {"jaxrl": {"jaxrl": "0.1.0"}, "trl": {"trl": "1.16.0"}},
  "checks": {
    "5m": {
      "jaxrl": {"greedy_equal": 1.0, "logp_gap": 0.0},
      "trl": {"error": "Traceback\nno such thing"},
    }
  },
  "jobs": [
    job(
      "logps",
      {
        "jaxrl": [call(t) for t in (9.0, 2.5, 2.0, 1.0, 3.0)],
        "trl": [call(t) for t in (4.0, 4.0, 5.0, 3.0, 40.0)],
      },
      tokens=200,
      errors={},
    ),
    job(
      "sample",
      {
        "jaxrl": [call(2.0, lengths=[10, 30])] * 4,
        "trl": [],
      },
      errors={"trl": "Traceback\nout of memory"},
    ),
    job(
      "grpo",
      {
        "jaxrl": [
          call(
            2.0,
            first_seconds=[8.0, 3.0],
            rewards=[0.25, 0.5, 0.5, 0.5],
            lengths=[9.0, 4.0, 6.0],
          )
        ]
      },
      rows=8,
      errors={},
    ),
    job("train", {"jaxrl": [call(2.0, grad_norm=1.25)] * 3}, tokens=200, errors={}),
  ],
}


def test_medians_and_ratios_leave_out_the_calls_that_compile():
  jaxrl, trl = table.rows(RESULTS)[:2]
  assert (jaxrl["seconds"], jaxrl["ratio"]) == (2.0, 1.0)
  assert (trl["seconds"], trl["ratio"]) == (5.0, 2.5)
  assert jaxrl["compile_seconds"] == 9.0 + 2.5 - 2 * 2.0
  assert jaxrl["tokens_per_second"] == 100.0
  assert (jaxrl["peak_mb"], jaxrl["rise_mb"]) == (150.0, 50.0)


def test_lengths_rewards_and_failures_are_shown():
  sampled, failed, whole, _ = table.rows(RESULTS)[2:]
  assert (sampled["mean_length"], sampled["max_length"]) == (20, 30)
  assert sampled["tokens_per_second"] == 20.0
  assert "out of memory" in failed["error"]
  assert (whole["first_reward"], whole["last_reward"]) == (0.25, 0.5)
  assert whole["compile_seconds"] == 8.0 + 3.0 - 2 * 2.0
  assert whole["tokens_per_second"] == 8 * 5.0 / 2.0
  shown = table.text(RESULTS)
  for part in (
    "failed: out of memory",
    "20.0",
    "max 30",
    "no such thing",
    "2.50",
    "jaxrl 1.25",
  ):
    assert part in shown
  assert "no accelerator" in shown


def test_a_busy_machine_is_named():
  assert "NOT QUIET" not in table.text(RESULTS)
  busy = [{**c, "other_cores": 0.9} for c in RESULTS["jobs"][0]["calls"]["trl"]]
  one = {**RESULTS["jobs"][0], "calls": {"trl": busy}}
  assert "NOT QUIET: up to 0.9 cores" in table.text({**RESULTS, "jobs": [one]})


def test_other_weights_or_prompts_are_named():
  assert "NOT THE SAME" not in table.text(RESULTS)
  good = {"greedy_equal": 1.0, "logp_gap": 1e-5, "same_prompts": True}
  for bad in ({"logp_gap": 0.1}, {"logp_gap": math.nan}, {"same_prompts": False}):
    checks = {"5m": {"trl": {**good, **bad}}}
    assert "NOT THE SAME: 5m, trl" in table.text({**RESULTS, "checks": checks})


def test_markdown_has_as_many_cells_in_every_line():
  lines = [x for x in table.markdown(RESULTS).splitlines() if x.startswith("|")]
  assert {line.count("|") for line in lines} == {len(table.HEADER) + 1}


def test_files_are_written(tmp_path):
  table.write(RESULTS, tmp_path, plot=True)
  assert (tmp_path / "ratios.png").stat().st_size > 1000
  read = json.loads((tmp_path / "results.json").read_text())
  assert read["rows"][1]["ratio"] == 2.5


def test_agreement():
  first = {"greedy": [[1, 2], [3, 4]], "logps": [[-1.0, -2.0], [-3.0]]}
  other = {"greedy": [[1, 2], [3, 5]], "logps": [[-1.0, -2.5], [-3.0]]}
  assert table.agreement(first, other) == {"greedy_equal": 0.75, "logp_gap": 0.5}
  # Tunix leaves the stop token off; a library that says nothing agrees in nothing.
  short = {"greedy": [[], []], "logps": [[-1.0, -2.0], [math.nan]]}
  assert table.agreement(first, short)["greedy_equal"] == 0.0
  assert math.isnan(table.agreement(first, short)["logp_gap"])


def test_step_times_leave_out_the_first_two_steps():
  found = step_times([0.0, 9.0, 12.0, 13.0, 15.0, 16.0], [0.1], [])
  assert found["first_seconds"] == [9.0, 3.0]
  assert found["seconds"] == 1.0


@dataclasses.dataclass
class Tiny:
  vocab_size: int = 10
  num_layers: int = 2
  embed_dim: int = 4
  mlp_dim: int = 6
  num_heads: int = 2
  num_kv_heads: int = 1
  head_dim: int = 2


def test_limits():
  config = Tiny()
  # A layer: q and o of 4x4, k and v of 4x2, three matrices of 4x6.
  assert limits.parameters(config) == 2 * (2 * 16 + 2 * 8 + 3 * 24) + 40
  n = limits.parameters(config)
  # Three steps read the weights thrice and caches of 5, 6 and 7 tokens in two rows.
  cache = (5 + 6 + 7) * 2 * (2 * 2 * 1 * 2)
  assert limits.decoding_bytes(config, 2, (5, 3), 4) == 4 * (3 * n + cache)
  flops = 6 * n * 5 + 6 * (2 * 2 * 2) * (4 + 9)
  assert limits.training_flops(config, [2, 3]) == flops
  assert limits.share(6e11, 2.0, 3e11) == 1.0


@pytest.mark.parametrize(
  ("kind", "bandwidth"),
  [
    ("NVIDIA H100 80GB HBM3", 3.35e12),
    ("NVIDIA H200", 4.8e12),
    ("TPU v5 lite", 8.2e11),
    ("TPU v5p", 2.77e12),
    ("TPU v5", 2.77e12),
    ("TPU v6 lite", 1.64e12),
  ],
)
def test_devices_by_name(kind, bandwidth):
  assert limits.peaks(kind)[0] == bandwidth


def test_an_unknown_device_has_no_limit():
  assert limits.peaks("cpu") is None


def test_rewards():
  assert even_words("w4 w5 <unk> w6 w7") == 0.5
  assert even_words("") == 0.0
  assert ending("3 + 9 = 12.\n", "12") == 1.0
  assert ending("12 or 13", "12") == 0.0
  assert ending("twelve", "12") == 0.0
