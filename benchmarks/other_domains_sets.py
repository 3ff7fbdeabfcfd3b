"""Sets of images in folders, other splits of them, and noise in their training part."""

import io
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from PIL import Image

from herodex.errors import UserError
from herodex.inference.image_decoding import apply_orientation
from herodex.params import UNKNOWN

PARTS = ("train", "test")
LAYOUT = "The layout is FOLDER/SET/train/CLASS/IMAGE and FOLDER/SET/test/CLASS/IMAGE, with the same classes."
CLASS_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
"""Names that `params.yaml` accepts as classes."""

Noise = Literal["none", "labels", "unrelated", "copies", "imbalance"]
NOISES: tuple[Noise, ...] = get_args(Noise)
NOISE_SHARE = 0.1
"""Share of the training images with a wrong label or an unrelated subject; of the test images copied."""
IMBALANCE = 20
"""Images of the largest class for each image of the smallest one."""
FEWEST = 8
"""Images that the smallest class keeps."""
COPY_SCALE, COPY_QUALITY = 0.9, 70
"""Scale and JPEG quality of a copied test image."""


class LabelledImage(NamedTuple):
    """An image file and the class that it is filed under."""

    path: Path
    label: str


@dataclass(frozen=True)
class ImageSet:
    """A set of images of some classes.

    Attributes:
        name: of its folder.
        train: the training images.
        test: the test images.
        copied: those test images that are also in training, re-encoded under their own label.
    """

    name: str
    train: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    copied: tuple[LabelledImage, ...] = field(default=())

    @property
    def classes(self) -> list[str]:
        """The classes, sorted."""
        return sorted({image.label for image in self.train})


def read_sets(folder: Path, names: Sequence[str] = ()) -> list[ImageSet]:
    """Read the sets of a folder, all of them or those named.

    Raises:
        UserError: the folder does not have the layout, or lacks a named set.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder.", LAYOUT)
    found = sorted(path.name for path in _visible(folder) if path.is_dir())
    if missing := [name for name in names if name not in found]:
        raise UserError(
            f"{folder} has no set {', '.join(missing)}.", f"Its sub-folders are {', '.join(found) or 'none'}."
        )
    if not found:
        raise UserError(f"{folder} has no sub-folders, so it has no sets.", LAYOUT)
    return [read_set(folder / name) for name in names or found]


def read_set(folder: Path) -> ImageSet:
    """Read one set from its folder.

    Raises:
        UserError: a part or a class is missing, has no files, or has a name that cannot be a class.
    """
    if missing := [part for part in PARTS if not (folder / part).is_dir()]:
        raise UserError(f"{folder} has no sub-folder {' and no sub-folder '.join(missing)}.", LAYOUT)
    train, test = (_read_part(folder / part) for part in PARTS)
    classes = {image.label for image in train}
    if unpaired := sorted(classes ^ {image.label for image in test}):
        raise UserError(f"{folder}: {', '.join(unpaired)} has no images in train or in test.", LAYOUT)
    if len(classes) < 2:
        raise UserError(f"{folder}/train has {len(classes)} classes.", "A set needs two classes or more.")
    if wrong := [name for name in sorted(classes) if not CLASS_NAME.fullmatch(name) or name == UNKNOWN]:
        raise UserError(
            f"{folder}: {', '.join(wrong)} cannot be a class.",
            f"Rename the folders: lower-case letters, digits and hyphens, not '{UNKNOWN}'.",
        )
    return ImageSet(folder.name, train, test)


def _read_part(folder: Path) -> tuple[LabelledImage, ...]:
    classes = sorted(path for path in _visible(folder) if path.is_dir())
    return tuple(
        LabelledImage(path, directory.name)
        for directory in classes
        for path in sorted(_visible(directory))
        if path.is_file()
    )


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def by_label(images: Iterable[LabelledImage]) -> dict[str, list[LabelledImage]]:
    """Group images by label, sorted."""
    groups: dict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        groups[image.label].append(image)
    return dict(sorted(groups.items()))


def redistribute(images: ImageSet, number: int, seed: int) -> ImageSet:
    """Return split `number` of a set: the given one for 0, else a random one with the same class sizes."""
    if number == 0:
        return images
    train, test = by_label(images.train), by_label(images.test)
    parts: tuple[list[LabelledImage], list[LabelledImage]] = ([], [])
    for label, given in train.items():
        pool = given + test[label]
        random.Random(f"{seed}/{number}/{images.name}/{label}").shuffle(pool)
        parts[0].extend(sorted(pool[: len(given)]))
        parts[1].extend(sorted(pool[len(given) :]))
    return replace(images, train=tuple(parts[0]), test=tuple(parts[1]))


def swap_labels(images: ImageSet, rng: random.Random) -> ImageSet:
    """Give a share of the training images the label of another class."""
    train = list(images.train)
    for place in sorted(rng.sample(range(len(train)), round(NOISE_SHARE * len(train)))):
        others = [label for label in images.classes if label != train[place].label]
        train[place] = train[place]._replace(label=rng.choice(others))
    return replace(images, train=tuple(train))


def add_unrelated(images: ImageSet, others: Sequence[ImageSet], rng: random.Random) -> ImageSet:
    """Add training images of other sets under random labels.

    Raises:
        UserError: there is no other set.
    """
    pool = sorted(image.path for other in others for image in other.train)
    if not pool:
        raise UserError("There is no other set to take unrelated images from.", "Name two sets or more.")
    drawn = rng.sample(pool, min(len(pool), round(NOISE_SHARE * len(images.train))))
    added = tuple(LabelledImage(path, rng.choice(images.classes)) for path in drawn)
    return replace(images, train=images.train + added)


def copy_test_images(images: ImageSet, folder: Path, rng: random.Random) -> ImageSet:
    """Add re-encoded copies of a share of the test images to training, written to `folder`."""
    drawn = sorted(rng.sample(images.test, round(NOISE_SHARE * len(images.test))))
    folder.mkdir(parents=True, exist_ok=True)
    added: list[LabelledImage] = []
    for number, image in enumerate(drawn):
        path = folder / f"{number:04d}.jpg"
        path.write_bytes(re_encode(image.path.read_bytes()))
        added.append(LabelledImage(path, image.label))
    return replace(images, train=images.train + tuple(added), copied=tuple(drawn))


def re_encode(data: bytes) -> bytes:
    """Scale an image down a little and save it as JPEG of low quality."""
    with Image.open(io.BytesIO(data)) as opened:
        image = apply_orientation(opened).convert("RGB")
    size = [max(1, round(side * COPY_SCALE)) for side in image.size]
    buffer = io.BytesIO()
    image.resize((size[0], size[1])).save(buffer, "JPEG", quality=COPY_QUALITY)
    return buffer.getvalue()


def imbalanced_sizes(sizes: Sequence[int]) -> list[int]:
    """Compute class sizes that fall geometrically from the largest to a twentieth of it, at least FEWEST.

    Classes keep their order: the first one stays the largest. No class gets more images than it has.
    """
    steps = max(1, len(sizes) - 1)
    wanted = [max(FEWEST, round(max(sizes) * IMBALANCE ** (-place / steps))) for place in range(len(sizes))]
    return [min(size, least) for size, least in zip(sizes, wanted, strict=True)]


def unbalance(images: ImageSet, rng: random.Random) -> ImageSet:
    """Drop training images until class sizes differ by the factor IMBALANCE; a random class stays whole."""
    groups = list(by_label(images.train).values())
    rng.shuffle(groups)
    # The largest class leads, because only it has enough images for the largest size.
    groups.sort(key=len, reverse=True)
    sizes = imbalanced_sizes([len(group) for group in groups])
    kept = [sorted(rng.sample(group, size)) for group, size in zip(groups, sizes, strict=True)]
    train = sorted((image for group in kept for image in group), key=lambda image: (image.label, image.path))
    return replace(images, train=tuple(train))


def add_noise(
    noise: Noise, images: ImageSet, others: Sequence[ImageSet], folder: Path, rng: random.Random
) -> ImageSet:
    """Return a set with noise in its training part; copied test images are written to `folder`."""
    match noise:
        case "none":
            return images
        case "labels":
            return swap_labels(images, rng)
        case "unrelated":
            return add_unrelated(images, others, rng)
        case "copies":
            return copy_test_images(images, folder, rng)
        case "imbalance":
            return unbalance(images, rng)


def sample_others(others: Sequence[ImageSet], most: int, rng: random.Random) -> list[LabelledImage]:
    """Draw at most `most` test images of each other set."""
    return [image for other in others for image in sorted(rng.sample(other.test, min(most, len(other.test))))]


def lay_out(images: Iterable[LabelledImage], folder: Path) -> None:
    """Link images into a sub-folder of `folder` for each label; numbers keep names of two folders apart."""
    for number, image in enumerate(images):
        target = folder / image.label / f"{number:05d}-{image.path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(image.path.resolve())
