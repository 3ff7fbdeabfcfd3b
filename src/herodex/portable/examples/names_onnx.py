"""Invent names with generator_step.onnx: python names.py [COUNT] (needs: onnxruntime)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

TEMPERATURE = 0.8
folder = Path(__file__).parent
about = json.loads((folder / "herodex.json").read_text(encoding="utf-8"))
session = onnxruntime.InferenceSession(folder / "generator_step.onnx")
rng = np.random.default_rng()
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
    token, state, name = 0, np.zeros((1, about["units"]), np.float32), ""
    while len(name) < about["max_length"]:
        inputs = {"token": np.array([token], np.int32), "state": state}
        logits, state = session.run(["logits", "next_state"], inputs)
        # Tokens after the characters stand for unknown ones and are never drawn.
        scaled = logits[0, : len(about["characters"]) + 1].astype(np.float64) / TEMPERATURE
        if not name:
            scaled[0] = -np.inf
        shares = np.exp(scaled - scaled.max())
        token = int(rng.choice(len(shares), p=shares / shares.sum()))
        if token == 0:
            break
        name += about["characters"][token - 1]
    sys.stdout.write(f"{name}\n")
