"""Classify an image with classifier.onnx: python example.py IMAGE (needs: onnxruntime, pillow)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

folder = Path(__file__).parent
about = json.loads((folder / "herodex.json").read_text(encoding="utf-8"))
image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
image.thumbnail((about["max_side"], about["max_side"]), Image.Resampling.LANCZOS)

session = onnxruntime.InferenceSession(folder / "classifier.onnx")
probabilities, answer = session.run(["probabilities", "answer"], {"image": np.asarray(image)})
sys.stdout.write(f"{about['answers'][int(answer)]}\n")
for name, probability in zip(about["answers"], probabilities, strict=True):
    sys.stdout.write(f"{probability:7.3f} {name}\n")
