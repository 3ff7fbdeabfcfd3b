"""Warnings about classes with few images, or with far fewer than the largest class."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from herodex.class_names import list_names

if TYPE_CHECKING:
    import pandas

FEW_IMAGES = 20
"""Images below which a class is reported.

On four sets of photographs, a class of 20 images has a recall of 0.80, one of 60 to 100 images 0.93, and one
of 10 images 0.73. With 20 images, the 95 % interval of a recall of 0.9 is 0.70 to 0.97.
"""
RARE = 10
"""How many times as many images the largest class has as one that is reported as rare."""
NAMED = 8
"""Classes that a warning names, those with the fewest images first."""


def class_sizes(manifest: "pandas.DataFrame", classes: Sequence[str]) -> dict[str, int]:
    """Count the kept images of each class."""
    counts = manifest["label"][manifest["kept"] == "1"].value_counts()
    return {name: int(counts.get(name, 0)) for name in classes}


def size_warnings(counts: Mapping[str, int], shown: Callable[[str], str] = str) -> list[str]:
    """Say which classes have too few images to be learned well, and what to do.

    Args:
        counts: images to learn from, by class: those left after cleaning, without test images.
        shown: returns the text for a class.
    """
    largest = max(counts, key=lambda name: counts[name], default="")
    few = {name: n for name, n in counts.items() if n < FEW_IMAGES}
    rare = {name: n for name, n in counts.items() if n * RARE < counts[largest]}
    warnings: list[str] = []
    if few:
        warnings.append(
            f"Fewer than {FEW_IMAGES} images to learn from: {_list(few, shown)}. Expect a low recall with a"
            " wide interval. Add images, or keep some of the dropped ones in `make review`."
        )
    if rare:
        warnings.append(
            f"Less than a tenth of the images of '{shown(largest)}' ({counts[largest]}): "
            f"{_list(rare, shown)}. Their recall will be below that of the others, although"
            " classifier.train.max_prior_ratio raises them. Add images of them."
        )
    return warnings


def _list(counts: Mapping[str, int], shown: Callable[[str], str]) -> str:
    ordered = sorted(counts, key=lambda name: counts[name])
    return list_names([f"'{shown(name)}' ({counts[name]})" for name in ordered], NAMED)
