"""Model cards (Mitchell et al., 2019, Model Cards for Model Reporting), written from the lineage."""

import re

from herodex.class_names import list_names
from herodex.class_sizes import size_warnings
from herodex.lineage.front_matter import About, front_matter
from herodex.lineage.lock import ModelLineage
from herodex.params import Params, Use

WEAK = 0.8
"""Classes with a lower recall are listed among the limits."""
TEST_PART = """\
On the test split, which the evaluation alone reads and which selects neither settings nor the champion; with
95 % confidence intervals."""
OUT_OF_FOLD = """\
Cross-validated: each image is answered by a model that learned from neither it nor its duplicates. The served
model learned from all images. With 95 % confidence intervals."""
DEEPEST = 2
"""Deeper metrics, such as one per fold and temperature, are only in the report."""
MOST_NAMES = 30
"""Classes or distractors that a card lists."""
CLASSIFIER = About(
    name="herodex-classifier",
    task="image-classification",
    tags=("herodex", "image-classification", "out-of-distribution-detection", "openvino"),
    datasets=("herodex-images",),
    metrics=("accuracy", "balanced_accuracy", "accuracy_known", "auroc_known"),
)
GENERATOR = About(
    name="herodex-generator",
    task="text-generation",
    tags=("herodex", "name-generation", "character-level", "gru", "openvino"),
    datasets=("herodex-names",),
    metrics=("nats", "perplexity"),
)
RECALL = "recall."
"""In front of the metrics of single classes, whose names may have dots."""


def classifier_card(lineage: ModelLineage, params: Params) -> str:
    """Write the classifier's card as Markdown."""

    def shown(name: str) -> str:
        return plain(params.page.display_name(name))

    backbone, metrics, data = lineage["backbone"], lineage["metrics"], lineage["data"]
    classes, distractors = (
        list_names([shown(name) for name in names], MOST_NAMES)
        for names in (params.classes, params.distractors)
    )
    measured = TEST_PART if "test" in data["by_part"] else OUT_OF_FOLD
    weak = [
        f"- The recall of '{shown(name.removeprefix(RECALL))}' is only {format_estimate(metric)}.\n"
        for name, metric in metrics.items()
        if name.startswith(RECALL) and metric["value"] < WEAK
    ]
    by_class = {shown(name): n for name, n in data["learnt_by_class"].items()}
    checked = licence_note(params.use, data["set_aside"])
    sizes = [f"- {warning}\n" for warning in size_warnings(by_class)]
    return f"""{front_matter(lineage, CLASSIFIER)}
# Model card: the classifier of {params.page.thing} images

{heading(lineage)}
A softmax layer on the features of {backbone["name"]} with {backbone["weights"]} weights, from
{backbone["source"]}.

## Intended use

Classify one image as one of: {classes}; or as none of them, trained with images of:
{distractors or "nothing"}. For games, teaching, and as a template for other classifiers.

Not intended: identifying people, decisions that affect people, or finding all images of a class without human
review.

## Data

{data["found"]} search results, {data["used"]} of them used: {format_counts(data["by_part"])}. \
All duplicates of an image are in the same split. Set aside: {format_counts(data["set_aside"]) or "none"}.

{count_table("source", data["by_source"])}
{count_table("licence", data["by_license"])}
`reports/sources.md` attributes each image to its author, with its licence.

## Metrics

{measured}

{metric_table(metrics)}
## Limits

- Each image gets one of {len(params.classes)} classes or none, even if it shows several.
- The images come from the same sources as the training images. Expect lower accuracy on others.
- The model reproduces the biases of the image searches and the errors in their labels.
{"".join([*weak, *sizes])}
## Licences

The backbone's weights were trained on ImageNet and come under the licence of {backbone["source"]}.
The table above lists the licences of the images. Whether a non-commercial licence (NC) of training images
applies to a model is a legal question. The code is under the MIT licence.
{checked}"""


def licence_note(use: Use, set_aside: dict[str, int]) -> str:
    """Say which use the licences of all used images allow, if they were checked."""
    if use == "any":
        return ""
    dropped = set_aside.get("license", 0)
    return (
        f"All used images have a licence for {use} use (`use: {use}` in `params.yaml`), or come from the "
        f"user's own folder; {dropped} images without one were set aside.\n"
    )


def generator_card(lineage: ModelLineage, params: Params) -> str:
    """Write the generator's card as Markdown."""
    data = lineage["data"]
    return f"""{front_matter(lineage, GENERATOR)}
# Model card: the generator of {params.page.name} names

{heading(lineage)}
A character-level GRU. `reports/generator/validation.json` says whether it starts from the network that was
pretrained on words: those of {params.generator.words.file} or, if it lists none, English ones
({", ".join(params.generator.words.sources) or "none"}).

## Intended use

Generate names that resemble those in its list, and score how typical a name is. For games and stories.

Not intended: naming products or people without checking whether the name is taken or offensive.

## Data

{data["used"]} names: {format_counts(data["by_part"])}.

{count_table("page's host", data["by_host"])}
`reports/name_sources.md` lists where sources disagree.

## Metrics

On names held out from training, with 95 % confidence intervals. Cross-entropy is in nats per character; lower
is better.

{metric_table(lineage["metrics"])}
## Limits

- A generated name may exist as a brand, a person's name, or a word of another language.
- The model knows only the characters of its list.
- Real names and near duplicates of them are excluded only if `novel` is true.

## Licences

Names are facts, but may be trademarks. The English words come under the licences of their packages. The code
is under the MIT licence.
"""


def plain(text: str) -> str:
    """Escape characters that Markdown would read as format, tables or HTML."""
    return re.sub(r"[\\`*\[\]<>|&~]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)


def heading(lineage: ModelLineage) -> str:
    """Identify a model by its content hash."""
    stages = len(lineage["stages"])
    return f"Model `{lineage['model']}`, made by {stages} stages; `herodex trace` lists them.\n"


def format_counts(counts: dict[str, int]) -> str:
    """Format counts in one line: 488 train, 147 test."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def count_table(title: str, counts: dict[str, int]) -> str:
    """Format counts as a Markdown table."""
    rows = "".join(f"| {name} | {count} |\n" for name, count in counts.items())
    return f"| {title} | n |\n|---|---:|\n{rows}"


def metric_table(metrics: dict[str, dict[str, float]]) -> str:
    """Format metrics with intervals and counts as a Markdown table, without deeply nested ones."""
    rows = "".join(
        f"| {plain(name)} | {metric['value']:.3f} | {metric['low']:.3f} – {metric['high']:.3f} "
        f"| {metric['n']} |\n"
        for name, metric in metrics.items()
        if name.startswith(RECALL) or name.count(".") < DEEPEST
    )
    return f"| metric | value | 95 % interval | n |\n|---|---:|---:|---:|\n{rows}"


def format_estimate(metric: dict[str, float]) -> str:
    """Format a value with its interval: 0.75 [0.47, 0.91]."""
    return f"{metric['value']:.2f} [{metric['low']:.2f}, {metric['high']:.2f}]"
