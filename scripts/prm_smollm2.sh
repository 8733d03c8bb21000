#!/usr/bin/env bash
# Process reward models on SmolLM2-135M: labels of its own sums by completions, a model of
# steps on them and one on CHAMP's human labels, first errors on CHAMP, best of 8 on sums,
# and a report. A second call goes on. Two CPU cores, about an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
runs=runs/prm_smollm2
jaxrl=.venv/bin/jaxrl
mkdir -p $runs
.venv/bin/python -m scripts.prm_smollm2 data
$jaxrl train prm_smollm2/imitate
[ -e $runs/policy ] || $jaxrl export runs/prm_smollm2-imitate $runs/policy
$jaxrl label prm_smollm2/sums $runs/labels.jsonl
# What is measured on has labels by more completions, of questions on the test side.
$jaxrl label prm_smollm2/sums $runs/held_out.jsonl --labelling.split test \
  --labelling.problems 20 --labelling.completions 8 --labelling.batch_prefixes 16
$jaxrl train prm_smollm2/sums
$jaxrl train prm_smollm2/champ
# The same held-out problems of CHAMP for both: the split is by the question.
[ -e $runs/champ_by_sums.json ] || $jaxrl evaluate runs/prm_smollm2-sums \
  --task.path $runs/champ.jsonl --task.test_path None --task.test_fraction 0.33 \
  --micro_batch_tokens 1024 --packed_row_tokens 1024 \
  --sampling.max_prompt_tokens 320 --sampling.max_response_tokens 640 \
  --evaluation.problems 200 --evaluation.batch_rows 8 > $runs/champ_by_sums.part
[ -e $runs/champ_by_sums.json ] || mv $runs/champ_by_sums.part $runs/champ_by_sums.json
[ -e $runs/search.json ] || $jaxrl search prm_smollm2/search > $runs/search.part
[ -e $runs/search.json ] || mv $runs/search.part $runs/search.json
.venv/bin/python -m scripts.prm_smollm2 report
