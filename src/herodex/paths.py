"""Where things lie, relative to the project's folder, in which every stage runs."""

from pathlib import Path


def project_folder(folder: Path) -> Path:
    """Where to keep what outlives a run that was started in `folder`.

    That is `folder`, as `.`. But a queued experiment is run by DVC in a copy of the project, which it removes
    afterwards: for such a copy it is the project.
    """
    if folder.parts[-4:-1] == (".dvc", "tmp", "exps"):
        return folder.parents[3]
    return Path()


PROJECT = project_folder(Path.cwd())

PARAMS = Path("params.yaml")

CRAWL_STATE = Path(".cache") / "crawl"
"""What crawls have learnt that have not come to their end yet."""

FEATURE_CACHE = PROJECT / ".cache" / "features.db"
"""What the backbone has said of images, from one run to the next."""

DATA = Path("data")
REVIEW = DATA / "review.csv"
RAW_IMAGES = DATA / "images" / "raw"
CLEAN_IMAGES = DATA / "images" / "clean"
FEATURES = DATA / "images" / "features.npy"
CURATED_IMAGES = DATA / "images" / "curated.csv"
SPLIT_IMAGES = DATA / "images" / "split.csv"
RAW_NAMES = DATA / "names" / "raw.csv"
CLEAN_NAMES = DATA / "names" / "clean.csv"
SPLIT_NAMES = DATA / "names" / "split.csv"
WORDS = DATA / "words" / "words.txt"
EXAMPLES = DATA / "examples"
MANIFEST = "manifest.csv"
"""The file beside the images, in RAW_IMAGES and CLEAN_IMAGES, with a row for each search result."""

MODELS = Path("models")
BACKBONE = MODELS / "backbone"
TUNED = MODELS / "tuned"
TUNED_FEATURES = TUNED / "features.npy"
CLASSIFIER = MODELS / "classifier"
GENERATOR = MODELS / "generator"
PRETRAINED = MODELS / "pretrained"
LINEAGE = MODELS / "lineage.json"

REPORTS = Path("reports")
SOURCES = REPORTS / "sources.md"
NAME_SOURCES = REPORTS / "name_sources.md"
CLEAN_REPORTS = REPORTS / "clean"
CLASSIFIER_REPORTS = REPORTS / "classifier"
GENERATOR_REPORTS = REPORTS / "generator"
CARDS = REPORTS / "cards"
