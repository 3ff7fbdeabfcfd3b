"""Classify an image with classifier.xml: python example.py IMAGE (needs: openvino, pillow)."""

import json
import sys
from pathlib import Path

import numpy as np
import openvino
from PIL import Image, ImageOps

folder = Path(__file__).parent
about = json.loads((folder / "herodex.json").read_text(encoding="utf-8"))
image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
image.thumbnail((about["max_side"], about["max_side"]), Image.Resampling.LANCZOS)

settings = {"INFERENCE_PRECISION_HINT": "f32"}
outputs = openvino.compile_model(folder / "classifier.xml", "CPU", settings)({"image": np.asarray(image)})
sys.stdout.write(f"{about['answers'][int(outputs['answer'])]}\n")
for name, probability in zip(about["answers"], outputs["probabilities"], strict=True):
    sys.stdout.write(f"{probability:7.3f} {name}\n")
