"""Model cards (Mitchell et al., 2019, Model Cards for Model Reporting), written from the lineage."""

from typing import Any

from herodex.params import Params

Described = dict[str, Any]

WEAK = 0.8
"""A class that is recognised less often than this is named among the limits."""


DEEPEST = 2
"""Figures of a report that lie deeper, such as one for each fold and temperature, are left to the report."""


def classifier_card(described: Described, params: Params) -> str:
    """Write the card of the classifier, as Markdown."""
    backbone, metrics = described["backbone"], described["metrics"]
    classes = ", ".join(params.classes)
    others = ", ".join(params.distractors) or "nothing"
    weak = [
        f"`{name.removeprefix('recall.')}` is recognised in {worded(figure)} of its images"
        for name, figure in metrics.items()
        if name.startswith("recall.") and figure["value"] < WEAK
    ]
    return f"""# Model card: the classifier of {params.page.thing} images

{head(described)}
A softmax layer on the features of {backbone["name"]} with {backbone["weights"]} weights, from
{backbone["source"]}.

## Intended use

To say which of these one image shows: {classes}; or that it likely shows none of them, which was learnt
from images of {others}. For play, teaching, and as a pattern for classifiers of other things.

Not intended: to identify people, to judge anything that matters to someone, or to find all images of a
class without a person who looks at them.

## Data

{described["data"]["found"]} search results, of which {described["data"]["used"]} images were used: \
{counts(described["data"]["by_part"])}. Copies of one image are in one part alone. Set aside: \
{counts(described["data"]["set_aside"]) or "none"}.

{table("source", described["data"]["by_source"])}
{table("licence", described["data"]["by_license"])}
Each image is attributed to its author, with its licence, in `reports/sources.md`.

## Figures

On the test part, which nothing was chosen by; with 95 % intervals.

{figures(metrics)}
## Limits

- Each image is taken for one of {len(params.classes)} classes or none; of two on an image it names one.
- It was measured on images from the same sources as those it learnt from. On others, expect less.
- Whatever the searches show too often or too seldom, and whatever their labels get wrong, it has learnt.
{"".join(f"- {line}." + chr(10) for line in weak)}
## Licences

The backbone's weights were trained on ImageNet, and come under the licence of {backbone["source"]}.
The licences of the images are those in the table above; where they forbid commercial use (NC), whether that
reaches a model is for a lawyer to say. The code is under the MIT licence.
"""


def generator_card(described: Described, params: Params) -> str:
    """Write the card of the generator, as Markdown."""
    data = described["data"]
    return f"""# Model card: the generator of {params.page.name} names

{head(described)}
A character-level GRU of {params.generator.network.units} units, which read English words
({", ".join(params.generator.words.sources) or "none"}) before it read names.

## Intended use

To invent names that sound like those in its list, and to say how likely a name is by their pattern. For play,
games and stories.

Not intended: to name products or people without a check whether the name is taken or offends someone.

## Data

{data["used"]} names: {counts(data["by_part"])}.

{table("page's host", data["by_host"])}
On what several sources disagree stands in `reports/name_sources.md`.

## Figures

On names held out from training, with 95 % intervals; nats are per character, fewer are better.

{figures(described["metrics"])}
## Limits

- It may invent what exists: a brand, a person's name, a word of a language that it has not read.
- It knows the characters of its list and no others.
- Real names, and names one edit away from one, are left out only while `novel` is true.

## Licences

Names are facts, but may be trademarks of their owners. English words come under the licences of their
packages. The code is under the MIT licence.
"""


def head(described: Described) -> str:
    """Name a model by its content."""
    stages = len(described["stages"])
    return f"Model `{described['model']}`, made by {stages} stages; `herodex trace` shows them.\n"


def counts(values: dict[str, int]) -> str:
    """Word counts: 488 train, 147 test."""
    return ", ".join(f"{count} {name}" for name, count in values.items())


def table(title: str, values: dict[str, int]) -> str:
    """Write counts as a table of Markdown."""
    rows = "".join(f"| {name} | {count} |\n" for name, count in values.items())
    return f"| {title} | n |\n|---|---:|\n{rows}"


def figures(metrics: dict[str, dict[str, float]]) -> str:
    """Write figures with their intervals and counts as a table of Markdown, without those of single parts."""
    rows = "".join(
        f"| {name} | {figure['value']:.3f} | {figure['low']:.3f} – {figure['high']:.3f} | {figure['n']} |\n"
        for name, figure in metrics.items()
        if name.count(".") < DEEPEST
    )
    return f"| figure | value | 95 % interval | n |\n|---|---:|---:|---:|\n{rows}"


def worded(figure: dict[str, float]) -> str:
    """Word a figure: 0.75 [0.47, 0.91]."""
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"
