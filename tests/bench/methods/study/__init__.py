"""The papers' tables as one resumable bench: rows kept by the digest of what decides them, a verdict on each claim.

`python -m tests.bench.methods.study --hours 8 --features eurosat.npz --archive eurosat.tar --weights vit.safetensors`

`rows.jsonl` beside this file has rows that were measured before: a run reads them too, prints them, and goes on.
"""
