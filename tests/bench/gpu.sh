#!/bin/sh
# The costly rows of the study (features of images, LoRA, fine-tuning) again on one GPU, in 12 minutes.
#
# Where the data is:      python -m tests.bench.pack_images --archive eurosat.tar --weights vit.safetensors --out bench-gpu
# On a machine with a GPU: PYTHON=python3 tests/bench/gpu.sh bench-gpu
#
# It needs the package installed for $PYTHON, with a torch that knows CUDA; without a GPU it ends at once.
# SMALL=1 runs the smallest rows on whatever there is, to try the script by hand. OUT= names the folder of rows.jsonl.
set -eu
cd "$(dirname "$0")/../.."
DATA=$(realpath "${1:?Name the folder that tests.bench.pack_images wrote.}")
PYTHON=${PYTHON:-python3}
OUT=${OUT:-bench-gpu-out}
if [ "${SMALL:-0}" = 1 ]; then
    HOURS=0.19
    set -- --pool 600 --test 60 --image-size 32 --epochs 3 --seeds 1 --sets digits \
        --arms "no ODS, tuned" "SVPp, margin" "PEAL, entropy balanced" "random, random start"
else
    "$PYTHON" -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else "torch finds no GPU. SMALL=1 tries without.")'
    HOURS=0.16
    set -- --pool 5000 --test 2000 --image-size 224 --epochs 30 --seeds 3 --sets "packed=$DATA/images.tar"
fi
study() {
    seconds=$1 hours=$2
    shift 2
    timeout -k 5 "$seconds" "$PYTHON" -m tests.bench.methods.study --hours "$hours" --out "$OUT" \
        --archive "$DATA/images.tar" --weights "$DATA/weights.safetensors" --kinds campaign backtest \
        --studies vecaf asvp peal dropquery "$@"
}
study 680 "$HOURS" "$@" || echo "The hours are over: the row that was being measured is lost." >&2
study 40 0 "$@"
