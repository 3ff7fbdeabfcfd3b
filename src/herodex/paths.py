"""Paths of the pipeline's files, relative to the project folder, where every stage runs."""

from pathlib import Path


def project_folder(folder: Path) -> Path:
    """Return the folder for caches and runs of a process that started in `folder`.

    That is `folder` itself, as `.`; for a queued experiment it is the project, because DVC removes the copy
    that the experiment runs in.
    """
    # DVC runs queued experiments in a folder of the first one, and those with --temp in one of the second.
    for place in ((".dvc", "tmp", "exps"), (".dvc", "tmp", "exps", "standalone")):
        if folder.parts[-1 - len(place) : -1] == place:
            return folder.parents[len(place)]
    return Path()


PROJECT = project_folder(Path.cwd())

PARAMS = Path("params.yaml")

CRAWL_STATE = Path(".cache") / "crawl"
"""State of unfinished crawls."""

SHARDS = Path(".cache") / "shards"
"""Results of finished shards of a stage that has not finished."""

BENTOML_HOMES = Path(".cache") / "serve"
"""Files of running services, in a folder for each port."""

BUCKET_CACHE = Path(".cache") / "bucket"
"""Shards of a bucket, in the folder of the project (`PROJECT`)."""

FEATURE_CACHE = PROJECT / ".cache" / "features.db"
"""Backbone features of images, kept between runs."""

DATA = Path("data")
REVIEW = DATA / "review.csv"
FORGOTTEN = DATA / "forgotten.csv"
"""Hashes of withdrawn sources."""
FEEDBACK = DATA / "feedback"
"""Images that visitors of the service reported: see `herodex.feedback_inbox`."""
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
NEIGHBOURS = DATA / "neighbours"
"""Thumbnails of training images, for the page."""
MANIFEST = "manifest.csv"
"""The table in RAW_IMAGES and CLEAN_IMAGES with a row per search result."""

MODELS = Path("models")
FETCHED_BACKBONE = MODELS / "fetched"
"""In float32; `BACKBONE` is what computes features."""
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
HEADLINE = REPORTS / "headline.json"
"""The figures that `dvc metrics show` prints."""
CARDS = REPORTS / "cards"
PROVENANCE = REPORTS / "provenance"
"""Data, models and their making in formats of others."""
