#!/usr/bin/env bash
# Process reward models from nothing, on sums with visible steps: imitation, labels by
# completions and by an exact checker, a model of steps on each, reinforcement learning
# with them, and a report. Two CPU cores, under half an hour. A second call goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
runs=runs/prm_arithmetic
jaxrl=.venv/bin/jaxrl
$jaxrl train prm_arithmetic/imitate
[ -e $runs/policy ] || $jaxrl export runs/prm_arithmetic-imitate $runs/policy
# The same solutions get both kinds of labels: what is drawn depends on the seed alone.
$jaxrl label prm_arithmetic/prm_mc $runs/mc.jsonl
$jaxrl label prm_arithmetic/prm_exact $runs/exact.jsonl
$jaxrl label prm_arithmetic/prm_exact $runs/test.jsonl \
  --labelling.split test --labelling.problems 200 --labelling.solutions 16
$jaxrl label prm_arithmetic/prm_exact $runs/careful.jsonl --sampling.temperature 1.5 \
  --labelling.split test --labelling.problems 200 --labelling.solutions 16
for stage in prm_mc prm_exact grpo pure prime sum; do
  $jaxrl train prm_arithmetic/$stage
done
for strategy in beam particle_filter; do
  for rows in 4 8 16; do
    file=$runs/search_${strategy}_$rows.json
    [ -e "$file" ] || $jaxrl search prm_arithmetic/search --search.name $strategy \
      --searching.rows $rows > "$file.part" && mv "$file.part" "$file"
  done
done
.venv/bin/python -m scripts.prm_arithmetic
