"""The lineage of the models of a tiny project, and its drawn images with their table."""

import csv
import hashlib
from pathlib import Path
from typing import Any

from PIL import Image
from tiny_service import COLOURS, NAMES

from herodex.generator.language_model import model_hash as generator_hash
from herodex.inference.predict import model_hash as classifier_hash

COLUMNS = (
    *("query", "source", "rank", "image_url", "page_url", "title", "author", "license", "license_url"),
    *("status", "reason", "sha256", "file", "label", "phash", "dropped_for", "kept", "part"),
)


def stage(inputs: dict[str, str], outputs: dict[str, str], **libraries: str) -> dict[str, Any]:
    """The record of a stage."""
    params = {"seed": 7}
    return {"code": "c" * 64, "params": params, "libraries": libraries, "inputs": inputs, "outputs": outputs}


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 20}


def tiny_lineage(project: Path) -> dict[str, dict[str, Any]]:
    """The lineage of the models in a project of `tiny_service.make_project`."""
    weights = (project / "models/backbone/backbone.bin").read_bytes()
    names = (project / "data/names/clean.csv").read_bytes()
    clean_names = {"data/names/clean.csv": hashlib.md5(names).hexdigest()}
    counts = {"by_source": {"demo": 3}, "by_license": {"CC BY 4.0": 3}, "set_aside": {"blurry": 1}}
    return {
        "classifier": {
            "model": classifier_hash(project / "models/classifier"),
            "backbone": {
                "name": "colours",
                "weights": "ImageNet",
                "source": "npm nets@1",
                "ir_sha256": hashlib.sha256(weights).hexdigest(),
            },
            "data": {
                "found": 4,
                "used": 3,
                "by_part": {"train": 3},
                "learnt_by_class": dict.fromkeys(COLOURS, 1),
                **counts,
            },
            "metrics": {"accuracy": estimate(0.75), "recall.cherry": estimate(0.5)},
            "stages": {
                "scrape_images": stage(
                    {"data/own_images": "a" * 32 + ".dir"},
                    {"data/images/raw": "b" * 32 + ".dir"},
                    scrapy="2.19",
                ),
                "clean_images": stage(
                    {"data/images/raw": "b" * 32 + ".dir", "data/review.csv": "e" * 32},
                    {"data/images/clean": "d" * 32 + ".dir"},
                    numpy="1.26, 2.2",
                ),
            },
        },
        "generator": {
            "model": generator_hash(project / "models/generator"),
            "data": {"used": len(NAMES), "by_part": {"test": 2, "train": 7}, "by_host": {"a.test": 9}},
            "metrics": {"nats": estimate(2.5)},
            "stages": {
                "clean_names": stage({"data/names/raw.csv": "f" * 32}, clean_names, numpy="1.26, 2.2")
            },
        },
    }


def draw_images(project: Path) -> list[dict[str, str]]:
    """Draw an image of each colour, and two that are set aside, one unreadable; write `split.csv`."""
    rows = []
    for rank, (label, colour) in enumerate([*COLOURS.items(), ("cherry", (9, 9, 9)), ("cherry", None)]):
        sha256 = hashlib.sha256(f"{label} {rank}".encode()).hexdigest()
        used = rank < len(COLOURS)
        row = {
            "query": label,
            "source": "demo",
            "rank": str(rank),
            "image_url": f"http://a.test/{rank}.jpg",
            "page_url": f"http://a.test/{rank}",
            "title": f'A "{label}", no. {rank}',
            "author": ["Ann Ä", "Bob", "", "Bob", "Bob"][rank],
            "license": ["CC BY 4.0", "CC BY-NC 4.0", "", "CC0 1.0", "CC0 1.0"][rank],
            "license_url": f"http://cc.test/{rank}",
            "status": "ok",
            "sha256": sha256,
            "file": f"{label}/{sha256}.jpg",
            "label": label,
            "phash": "0" * 16 if colour else "",
            "dropped_for": "" if used else "too_dark" if colour else "unreadable",
            "kept": "1" if used else "0",
            "part": "train" if used else "",
        }
        rows.append(dict.fromkeys(COLUMNS, "") | row)
        raw = project / "data/images/raw" / row["file"]
        raw.parent.mkdir(parents=True, exist_ok=True)
        raw.write_bytes(f"{label} {rank}".encode())
        if colour:
            clean = (project / "data/images/clean" / row["file"]).with_suffix(".png")
            clean.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 32), colour).save(clean)
    with (project / "data/images/split.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return rows
