"""Classify an image with the SavedModel: python example.py IMAGE (needs: tensorflow, pillow)."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageOps

folder = Path(__file__).parent
about = json.loads((folder / "herodex.json").read_text(encoding="utf-8"))
image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
image.thumbnail((about["max_side"], about["max_side"]), Image.Resampling.LANCZOS)

classify = keras.layers.TFSMLayer(str(folder / "classifier"), call_endpoint="serving_default")
outputs = classify(np.asarray(image))
sys.stdout.write(f"{about['answers'][int(outputs['answer'])]}\n")
for name, probability in zip(about["answers"], outputs["probabilities"].numpy(), strict=True):
    sys.stdout.write(f"{probability:7.3f} {name}\n")
