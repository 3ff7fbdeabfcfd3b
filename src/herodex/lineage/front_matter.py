"""The YAML at the head of a model card, as the Hugging Face Hub reads it."""

from dataclasses import dataclass
from typing import Any

import yaml

from herodex.lineage.lock import ModelLineage


@dataclass(frozen=True)
class About:
    """The fields of a model that do not come from its lineage.

    Attributes:
        name: of the model.
        task: of the Hub, such as `image-classification`.
        tags: to find it by.
        datasets: names of the data that it learned from.
        metrics: those of its metrics to list.
    """

    name: str
    task: str
    tags: tuple[str, ...]
    datasets: tuple[str, ...]
    metrics: tuple[str, ...]


def front_matter(lineage: ModelLineage, about: About) -> str:
    """Write the front matter of a model's card, with its metrics as a model index."""
    split = "test" if "test" in lineage["data"]["by_part"] else "cross-validation"
    backbone = ["imagenet-1k"] if lineage.get("backbone", {}).get("weights") == "ImageNet" else []
    listed = {name: lineage["metrics"][name] for name in about.metrics if name in lineage["metrics"]}
    result: dict[str, Any] = {
        "task": {"type": about.task},
        "dataset": {"name": about.datasets[0], "type": about.datasets[0], "split": split},
        "metrics": [
            {
                "type": name,
                "value": round(metric["value"], 4),
                "name": f"{name}, 95 % interval {metric['low']:.4f} – {metric['high']:.4f}, n {metric['n']}",
            }
            for name, metric in listed.items()
        ],
    }
    fields: dict[str, Any] = {
        # The code is under the MIT licence, weights and data under those that the card lists.
        "license": "other",
        "license_name": "several-see-licences-below",
        "license_link": "LICENSE",
        "library_name": "openvino",
        "pipeline_tag": about.task,
        "tags": list(about.tags),
        "datasets": [*about.datasets, *backbone],
        "metrics": list(listed),
    }
    if listed:
        fields["model-index"] = [{"name": about.name, "results": [result]}]
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"
