"""`params.yaml` as typed, validated settings; an unknown key is an error."""

import difflib
import logging
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from herodex import paths
from herodex.class_folders import class_folders
from herodex.class_names import (
    UNKNOWN,
    check_class_name,
    check_display_name,
    check_display_names,
    check_names_differ,
    describe_unknown_key,
    reserved_for,
)
from herodex.command import run_command
from herodex.errors import UserError
from herodex.json_record import read_json
from herodex.yaml_file import CORRECT, node_at, read_yaml, shorten, show, written_key, written_scalar

log = logging.getLogger(__name__)

Share = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]

FROM_FOLDER = "folder"
"""The value of `classes` that means the sub-folders of `crawl.web`, and of `classifier.split.test` that means
the images in its folders named test."""
FROM_FEEDBACK = "feedback"
"""The source of images that visitors of the service reported and a person accepted."""
_NAME_THE_FOLDER = "Set crawl.web to the folder that has a sub-folder for each class, or list the classes."

AUTO = "auto"
"""The value of `page.language` that means the language that the browser prefers."""
PAGE_LANGUAGES = sorted(file.stem for file in (Path(__file__).parent / "web" / "strings").glob("*.json"))
"""The languages of the page: one for each table of its texts."""

FEWEST_NAMES = 20
"""Names that a generator needs, so that some can be held out."""

FEWEST_IMAGES = 5
"""Different images that a class needs: one each for validation and test, and three to cross-validate on."""


def check_listed_name(name: str) -> str:
    """Return a name to imitate.

    Raises:
        ValueError: it has several lines.
    """
    if len(name.splitlines()) > 1:
        raise ValueError("should be one name, without line breaks; list each name by itself")
    return name


def check_mapping(value: object) -> object:
    """Return display names.

    Raises:
        ValueError: they are no mapping.
    """
    if not isinstance(value, dict):
        raise ValueError("should map classes to texts, as in {tshirt: T-shirt}, or be {}")
    return cast("object", value)


def compose_keys(display_names: dict[str, str]) -> dict[str, str]:
    """Return display names with their keys in Unicode's composed form.

    Raises:
        ValueError: two keys are one class.
    """
    composed: dict[str, str] = {}
    for key, text in display_names.items():
        name = unicodedata.normalize("NFC", key)
        if name in composed:
            raise ValueError(f"has two texts for '{name}'; remove one")
        composed[name] = text
    return composed


def check_language(language: str) -> str:
    """Return a language of the page.

    Raises:
        ValueError: the page has no table of texts in it.
    """
    if language not in (AUTO, *PAGE_LANGUAGES):
        raise ValueError(f"should be one of {', '.join(PAGE_LANGUAGES)}, or {AUTO}")
    return language


def check_words(key: str, words: dict[object, object]) -> dict[str, str]:
    """Return words by language.

    Raises:
        ValueError: there are none, or one is no text or belongs to no language of the page.
    """
    known = all(language in PAGE_LANGUAGES and isinstance(word, str) for language, word in words.items())
    if not words or not known:
        languages = ", ".join(PAGE_LANGUAGES)
        example = "{en: coffee, de: Kaffee}"
        raise ValueError(f"needs a text for '{key}', or one for each language ({languages}) as in {example}")
    return cast("dict[str, str]", words)


ClassName = Annotated[str, AfterValidator(check_class_name)]
DisplayName = Annotated[str, AfterValidator(check_display_name)]

RENAMED = {
    "classifier.clean.min_shape": "classifier.clean.min_aspect_ratio",
    "classifier.train.false_acceptance": "classifier.decision.max_false_accept",
    "demo_web.picture_hosts": "demo_web.image_hosts",
    "demo_web.shares.exact_copy": "demo_web.shares.exact_duplicate",
}
"""Keys of earlier releases, by their new names."""
REMOVED = {
    "classifier.train.learning_rate": "the head is fitted by L-BFGS, which needs no learning rate",
    "classifier.train.epochs": "the head is fitted by L-BFGS until it converges",
}
"""Keys of earlier releases that are gone, with the reason."""


class Section(BaseModel):
    """A section of `params.yaml`: immutable, with no undeclared keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageParams(Section):
    """The page's wording.

    `thing` and `name` may be mappings of languages to words; the fields then have the English or first word.
    """

    thing: str
    name: str
    language: Annotated[str, AfterValidator(check_language)] = "en"
    own_examples: bool = True
    neighbours: bool = True
    own_neighbours: bool = False
    display_names: Annotated[
        dict[str, DisplayName], BeforeValidator(check_mapping), AfterValidator(compose_keys)
    ] = Field(default_factory=dict[str, str])

    _translations: dict[str, dict[str, str]] = PrivateAttr(default_factory=dict[str, dict[str, str]])

    @model_validator(mode="wrap")
    @classmethod
    def take_words_by_language(
        cls, values: object, handler: ModelWrapValidatorHandler["PageParams"]
    ) -> "PageParams":
        """Split mappings of languages to words into a word and its translations."""
        if not isinstance(values, dict):
            return handler(values)
        plain, translations = dict(cast("dict[str, object]", values)), dict[str, dict[str, str]]()
        for key in ("thing", "name"):
            if isinstance(plain.get(key), dict):
                translations[key] = check_words(key, cast("dict[object, object]", plain[key]))
                plain[key] = translations[key].get("en", next(iter(translations[key].values())))
        page = handler(plain)
        page._translations.update(translations)
        return page

    def words(self, language: str) -> dict[str, str]:
        """Return `thing` and `name` in a language, or else as the fields have them."""
        return {
            key: self._translations.get(key, {}).get(language, word)
            for key, word in (("thing", self.thing), ("name", self.name))
        }

    def display_name(self, name: str) -> str:
        """Return the text for a class or distractor: its display name, or else its name."""
        return self.display_names.get(name, name)


class CrawlImagesParams(Section):
    """The image crawl."""

    sources: Annotated[list[Literal["openverse", "commons", "bing", "folder"]], Field(min_length=1)]
    per_query: Count
    folder_limit: Count | None = None
    largest_share: Annotated[float, Field(gt=0, le=1)]
    licenses: Annotated[
        list[Literal["cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"]],
        Field(min_length=1),
    ]
    types: Annotated[list[Literal["jpg", "png", "webp", "gif"]], Field(min_length=1)]
    min_side: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def names_every_source_once(self) -> "CrawlImagesParams":
        """Refuse a source that is named twice, or a folder beside web sources."""
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("name a source twice")
        if "folder" in self.sources and len(self.sources) > 1:
            raise ValueError("name a folder beside sources of the live web")
        return self


class CrawlNamesParams(Section):
    """The crawl of names."""

    sources: Annotated[list[Literal["pokeapi", "pokemondb"]], Field(min_length=1)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)?$")]

    @model_validator(mode="after")
    def names_every_source_once(self) -> "CrawlNamesParams":
        """Refuse a source that is named twice."""
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("name a source twice")
        return self


class CrawlParams(Section):
    """The crawl."""

    web: str
    contact: str
    user_agent: str
    images: CrawlImagesParams
    names: CrawlNamesParams
    accepted_terms: list[Literal["openverse", "commons", "bing", "pokeapi", "pokemondb"]]
    timeout_s: Positive
    retries: Annotated[int, Field(ge=0)]
    delay_s: Annotated[float, Field(ge=0)]
    per_host: Annotated[int, Field(ge=1, le=16)]
    max_image_mb: Positive
    max_total_mb: Positive
    max_minutes: Positive


class DemoWebShares(Section):
    """Shares of the demo web's results with each fault; the rest are sound images of their query."""

    not_found: Rate
    error_once: Rate
    throttled_once: Rate
    slow: Rate
    truncated: Rate
    html: Rate
    disallowed: Rate
    exact_duplicate: Rate
    reencoded: Rate
    resized: Rate
    cropped: Rate
    mirrored: Rate
    letterboxed: Rate
    watermarked: Rate
    shared: Rate
    wrong_subject: Rate
    pixel: Rate
    bomb: Rate
    dark: Rate
    light: Rate
    blurry: Rate
    strip: Rate
    blank: Rate
    animated_gif: Rate
    palette_png: Rate
    alpha_png: Rate
    cmyk_jpeg: Rate
    exif_rotated: Rate
    webp: Rate

    @model_validator(mode="after")
    def leaves_sound_images(self) -> "DemoWebShares":
        """Refuse shares that leave too few sound images."""
        if (total := sum(self.model_dump().values())) > 0.9:
            raise ValueError(f"add up to {total:.3g}; more than 0.9 leaves too few sound images")
        return self


class DemoWebParams(Section):
    """The demo web."""

    seed: int
    results_per_query: Count
    image_hosts: Annotated[int, Field(ge=1, le=50)]
    slow_s: Annotated[float, Field(ge=0)]
    shares: DemoWebShares


class BackboneParams(Section):
    """The backbone."""

    candidates: Annotated[list[Literal["ResNet50V2", "ResNet50"]], Field(min_length=1)]
    precision: Literal["int8", "f32", "bf16", "auto"]


class CleanImagesParams(Section):
    """Stage `clean_images`."""

    min_side: Count
    max_side: Count
    max_pixels_mp: Positive
    min_aspect_ratio: Rate
    min_light: Rate
    min_dark: Rate
    min_information: Rate
    min_sharpness: Rate
    near_distance: Annotated[int, Field(ge=0, le=15)]
    near_alignment: Annotated[float, Field(gt=0, le=1)]
    near_detail: Annotated[float, Field(gt=0, le=1)]
    related_detail: Annotated[float, Field(gt=0, le=1)]


class EmbedParams(Section):
    """Stage `embed_images`: which features the backbone computes."""

    input_size: Annotated[int, Field(ge=32, le=1024)]
    views: Annotated[list[Literal["middle", "whole", "zoom", "start", "end"]], Field(min_length=1)]
    mirror: bool
    stages: Annotated[list[Literal[4, 5]], Field(min_length=1)]
    pooling: Literal["max", "avg", "both"]
    batch_size: Count

    @property
    def poolings(self) -> tuple[str, ...]:
        """The poolings of each stage, in the order of the features."""
        return ("max", "avg") if self.pooling == "both" else (self.pooling,)


class CurateParams(Section):
    """Stage `curate_images`."""

    near_similarity: Annotated[float, Field(gt=0, le=1)]
    folds: Annotated[int, Field(ge=2, le=20)]
    min_label_quality: Annotated[float, Field(ge=0)]


def check_test_split(value: object) -> object:
    """Return which images are the test split.

    Raises:
        ValueError: the value is no share, not `folder` and not null.
    """
    is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
    if value is not None and value != FROM_FOLDER and not is_share:
        raise ValueError("should be a share from 0 to below 1, folder or null")
    return value


class SplitImagesParams(Section):
    """Stage `split_images`."""

    validation: Share
    test: Annotated[float | Literal["folder"] | None, BeforeValidator(check_test_split)]

    @model_validator(mode="after")
    def leaves_something_to_train_on(self) -> "SplitImagesParams":
        """Refuse shares that leave no training part."""
        if isinstance(self.test, float) and self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing to train on")
        return self


class TrainClassifierParams(Section):
    """Stage `train_classifier`."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    max_prior_ratio: Annotated[float, Field(ge=1)] | None
    folds: Annotated[int, Field(ge=2, le=20)]
    shrinkage: Annotated[float, Field(gt=0, le=1)]
    neighbours: Count


class EvaluateClassifierParams(Section):
    """Stage `evaluate_classifier`."""

    corruptions: bool


class DecisionParams(Section):
    """The decision between the classes and `unknown`: which error is bounded, and the confidence set."""

    max_false_reject: Share | None
    max_false_accept: Share | None
    coverage: Share

    @model_validator(mode="after")
    def bounds_one_error(self) -> "DecisionParams":
        """Refuse to bound both errors, or none."""
        if (self.max_false_reject is None) == (self.max_false_accept is None):
            raise ValueError(
                "needs a number for max_false_reject or max_false_accept, and null for the other"
            )
        return self


class DropoutHeadParams(Section):
    """The head with dropout in stage `compare_recipes`."""

    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: Positive
    epochs: Count
    batch_size: Count


class FineTuneParams(Section):
    """Stage `fine_tune_backbone`."""

    use: Literal["never", "if_better", "always"]
    learning_rate: Positive
    epochs: Count
    batch_size: Count


class ClassifierParams(Section):
    """The classifier's stages."""

    clean: CleanImagesParams
    embed: EmbedParams
    curate: CurateParams
    split: SplitImagesParams
    compare: DropoutHeadParams
    fine_tune: FineTuneParams
    train: TrainClassifierParams
    decision: DecisionParams
    evaluate: EvaluateClassifierParams


class CleanNamesParams(Section):
    """Stage `clean_names`."""

    max_length: Annotated[int, Field(ge=2, le=100)]


class SplitNamesParams(Section):
    """Stage `split_names`."""

    by: Literal["generation", "random"]
    test: list[int]
    test_share: Share
    min_test: Count
    validation: Share


WordSource = Literal["subtlex", "wordnet"]


class FetchWordsParams(Section):
    """Stage `fetch_words`."""

    file: Annotated[str, Field(min_length=1)]
    sources: list[WordSource]
    min_length: Count
    max_length: Count


class NetworkParams(Section):
    """The generator's network."""

    embedding: Count
    units: Count


class DropoutParams(Section):
    """Dropout of the generator's network."""

    embedding_dropout: Annotated[float, Field(ge=0, lt=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    recurrent_dropout: Annotated[float, Field(ge=0, lt=1)]


class ScheduleParams(DropoutParams):
    """Training for a fixed number of epochs, with warm-up and cosine decay."""

    learning_rate: Positive
    batch_size: Count
    epochs: Count


class PretrainParams(ScheduleParams):
    """Stage `pretrain_generator`."""

    max_words: Annotated[int, Field(ge=100)]


class LongListParams(ScheduleParams):
    """Training on a list that is too long for cross-validation."""

    units: Count
    max_characters: Count


class TrainGeneratorParams(DropoutParams):
    """Stage `train_generator`."""

    learning_rate: Positive
    averaging: Annotated[float, Field(ge=0, lt=1)]
    batch_size: Count
    epochs: Count
    patience: Count
    folds: Annotated[int, Field(ge=2)]
    max_folded: Count
    long_list: LongListParams


SampleTemperature = Annotated[float, Field(ge=0.5, le=5)]


class EvaluateGeneratorParams(Section):
    """Stage `evaluate_generator`."""

    samples: Count
    listed: Count
    temperatures: Annotated[list[SampleTemperature], Field(min_length=1)]
    temperature: SampleTemperature

    @model_validator(mode="after")
    def lists_a_sampled_temperature(self) -> "EvaluateGeneratorParams":
        """Refuse to list names at a temperature that is not sampled."""
        if self.temperature not in self.temperatures:
            raise ValueError(f"temperature {self.temperature:g} is none of the temperatures")
        return self


class GeneratorParams(Section):
    """The generator's stages."""

    clean: CleanNamesParams
    split: SplitNamesParams
    words: FetchWordsParams
    network: NetworkParams
    pretrain: PretrainParams
    train: TrainGeneratorParams
    evaluate: EvaluateGeneratorParams


class FeedbackParams(Section):
    """Reports of wrong answers by visitors of the service."""

    enabled: bool = False
    license: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    max_mb: Positive = 200
    per_hour: Count = 60

    @model_validator(mode="after")
    def states_a_license(self) -> "FeedbackParams":
        """Refuse reports without a licence, because the images become training data."""
        if self.enabled and not self.license.strip():
            raise ValueError("needs a license, such as CC0 1.0, because reported images become training data")
        return self


Origin = Annotated[str, Field(pattern=r"^https?://[^/\s;,'\"]+$")]
"""Scheme, host and port of a web page; other characters would end a list of them in a header."""


class ServeParams(Section):
    """The service."""

    max_upload_mb: Positive
    max_pixels_mp: Positive
    upload_timeout_s: Positive
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None
    workers: Count
    max_queue: Count
    requests_per_minute: Annotated[float, Field(ge=0)]
    burst: Count
    limit_storage: Annotated[str, Field(pattern="^(rediss?://.+)?$")]
    client_header: Annotated[str, Field(pattern="^[A-Za-z0-9-]*$")]
    cors_origins: list[Origin]
    embed_origins: list[Origin] = []
    quote_urls: list[Annotated[str, Field(pattern="^https://")]]
    quote_timeout_s: Positive
    quote_ttl_s: Positive
    feedback: FeedbackParams = FeedbackParams()


Use = Literal["any", "research", "commercial"]
"""The use of the models that the licences of images must allow."""


class ScaleParams(Section):
    """Work over several machines, which changes no output."""

    crawl_shards: Annotated[int, Field(ge=1, le=256)] = 64
    engine: Literal["local", "ray"] = "local"
    address: Annotated[str, Field(pattern=r"^([^/\s]+:\d+)?$")] = ""


def check_bucket(address: str) -> str:
    """Return the address of a bucket without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    if address and not re.fullmatch(r"s3://[a-z0-9][a-z0-9._-]+(/[^/\s]+)*/?", address):
        raise ValueError("should be s3://BUCKET/PREFIX, or empty")
    return address.rstrip("/")


class StorageParams(Section):
    """Layout of cleaned images and of their features."""

    layout: Literal["files", "shards", "bucket"] = "files"
    shard_images: Annotated[int, Field(ge=16, le=65536)] = 2048
    bucket: Annotated[str, AfterValidator(check_bucket)] = ""
    cache_gb: Positive = 50

    @property
    def shard_rows(self) -> int | None:
        """Rows of a shard, on average; None if there are no shards."""
        return None if self.layout == "files" else self.shard_images

    @model_validator(mode="after")
    def names_its_bucket(self) -> "StorageParams":
        """Refuse shards in a bucket that is not named."""
        if self.layout == "bucket" and not self.bucket:
            raise ValueError("has the layout bucket and no bucket; set storage.bucket to s3://BUCKET/PREFIX")
        return self


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    classes: Annotated[list[ClassName], Field(min_length=2)]
    distractors: list[ClassName]
    use: Use = "any"
    names: list[Annotated[str, Field(min_length=1), AfterValidator(check_listed_name)]]
    names_file: Annotated[str, Field(min_length=1)]
    page: PageParams
    crawl: CrawlParams
    demo_web: DemoWebParams
    backbone: BackboneParams
    classifier: ClassifierParams
    generator: GeneratorParams
    serve: ServeParams
    storage: StorageParams = StorageParams()
    scale: ScaleParams = ScaleParams()

    @property
    def queries(self) -> list[str]:
        """The searches: the classes, then the distractors."""
        return self.classes + self.distractors

    def label_of(self, query: str) -> str:
        """Return the label of images found by a query: the class, or `unknown` for a distractor."""
        return query if query in self.classes else UNKNOWN

    @model_validator(mode="after")
    def reads_the_test_folders_directly(self) -> "Params":
        """Refuse a test split of folders where no folder is read."""
        if self.classifier.split.test == FROM_FOLDER and self.crawl.images.sources != ["folder"]:
            raise ValueError(
                "'classifier.split.test' is folder, which needs a folder of your own in crawl.web, and "
                "crawl.images.sources: [folder]"
            )
        return self

    @model_validator(mode="after")
    def names_every_query_once(self) -> "Params":
        """Refuse repeated, reserved and similar queries, and too few names."""
        check_names_differ(self.queries)
        if 0 < len(self.names) < FEWEST_NAMES:
            raise ValueError(f"names lists {len(self.names)}; the generator needs {FEWEST_NAMES} or more")
        return self

    @model_validator(mode="after")
    def shows_every_query_differently(self) -> "Params":
        """Refuse display names that show two queries alike."""
        check_display_names(self.page.display_names, self.queries)
        return self

    @model_validator(mode="after")
    def searches_for_words(self) -> "Params":
        """Refuse a search of hyphens alone, which stand for blanks."""
        wordless = [name for name in self.queries if not name.strip(" -")]
        if wordless and self.crawl.images.sources != ["folder"]:
            raise ValueError(
                f"classes and distractors name '{wordless[0]}', which has no word to search for; "
                "choose another name"
            )
        return self


def load_params(path: Path = paths.PARAMS) -> Params:
    """Read and validate `params.yaml`.

    With `classes: folder`, the classes are the sub-folders of `crawl.web`, apart from the distractors. Where
    that folder is missing, as in a bento, they are the classes of the classifier.

    Raises:
        UserError: the file is missing, is not YAML in UTF-8, or a key is unknown, missing or out of bounds;
            or there is no folder that names the classes.
    """
    values, root = read_yaml(path)
    from_folder = isinstance(values, dict) and cast("dict[str, object]", values).get("classes") == FROM_FOLDER
    if from_folder:
        values = cast("dict[str, object]", values)
        values = values | {"classes": classes_from_folder(values, path.parent)}
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        problems = list(dict.fromkeys(_explain(problem, root) for problem in error.errors()))
        fix = "Correct the file or the folders, and run again." if from_folder else CORRECT
        raise UserError(f"{path}: {'; '.join(problems)}.", fix) from None
    classes_are_current = not from_folder or (path.parent / params.crawl.web).is_dir()
    _check_display_keys(params, path, classes_are_current)
    return params


def _check_display_keys(params: Params, path: Path, classes_are_current: bool) -> None:
    """Refuse display names of no class.

    They are only reported where the classes are those of an existing model, which may be older.
    """
    unknown = [key for key in params.page.display_names if key not in params.queries]
    if not unknown:
        return
    if classes_are_current:
        raise UserError(f"{path}: {describe_unknown_key(unknown[0], params.queries)}.", CORRECT)
    log.warning(
        "%s: 'page.display_names' has keys that are no class of this model, and have no effect: %s",
        path,
        ", ".join(unknown),
    )


def classes_from_folder(values: Mapping[str, object], project: Path) -> list[str]:
    """List the classes that `classes: folder` means, sorted.

    Args:
        values: of `params.yaml`, not yet validated.
        project: the folder of `params.yaml`.

    Raises:
        UserError: `crawl.web` is no folder, or holds fewer than two classes.
    """
    crawl, distractors = values.get("crawl"), values.get("distractors")
    web = str(cast("dict[str, object]", crawl).get("web", "")) if isinstance(crawl, dict) else ""
    listed = cast("list[object]", distractors) if isinstance(distractors, list) else []
    others = [unicodedata.normalize("NFC", str(name)) for name in listed]
    classifier = project / paths.CLASSIFIER / "classifier.json"
    if web in {"", "demo", "live"}:
        raise UserError(
            f"classes in params.yaml is '{FROM_FOLDER}', and crawl.web is '{web}'.", _NAME_THE_FOLDER
        )
    try:
        names = [name for name in class_folders(project / web, others) if name not in others]
    except (OSError, ValueError) as error:
        if classifier.exists():
            return read_json(classifier)["classes"]
        # An address with NUL, or with half a surrogate pair, is a ValueError.
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"classes in params.yaml is '{FROM_FOLDER}', and crawl.web, {show(web)}, is no folder "
            f"({reason}).",
            _NAME_THE_FOLDER,
        ) from None
    if len(names) < 2:
        raise UserError(
            f"classes in params.yaml is '{FROM_FOLDER}', and '{web}' has {len(names)} folders of classes.",
            "Make a sub-folder of images for each of two or more classes.",
        )
    for name in names:
        _check_folder_name(name, web)
    return names


def _check_folder_name(name: str, web: str) -> None:
    """Refuse a folder whose name cannot be that of a class."""
    folder = f"crawl.web, '{web}', has a folder {name!r}, and with classes: folder it is a class;"
    if use := reserved_for(name):
        raise UserError(
            f"{folder} this name is reserved for {use}.",
            "Rename the folder. If it shows things of no class, list its new name in distractors.",
        )
    try:
        check_class_name(name)
    except ValueError as error:
        raise UserError(
            f"{folder} it {error}.", "Rename the folder, or list the classes in params.yaml."
        ) from None


def _explain(problem: Mapping[str, Any], root: yaml.Node | None) -> str:
    location, message, value = problem["loc"], problem["msg"], problem["input"]
    key = ".".join(map(str, location))
    if message == "Extra inputs are not permitted":
        return _explain_unknown(key, location)
    if message == "Field required":
        return f"key '{key}' is missing"
    if problem["type"] == "string_type":
        return _explain_no_text(location, value, root)
    reason = re.sub("^(Input|Value error,) ?", "", message)
    if not key:
        return reason
    is_value = isinstance(value, str | int | float)
    return f"'{key}' is {show(value)}; it {reason}" if is_value else f"'{key}' {reason}"


def _explain_no_text(location: tuple[int | str, ...], value: object, root: yaml.Node | None) -> str:
    if location[-1] == "[key]":
        *mapping, _, _ = location
        place = f"a key of '{'.'.join(map(str, mapping))}'"
        written = written_key(node_at(root, mapping), value)
    else:
        place = f"'{'.'.join(map(str, location))}'"
        written = written_scalar(node_at(root, location))
    if written:
        short = shorten(written)
        return f'{place} is {short}, which YAML does not read as text; put it in quotes: "{short}"'
    return f"{place} should be text; put text with a colon, # or & in quotes"


def _explain_unknown(key: str, location: tuple[int | str, ...]) -> str:
    if key in RENAMED:
        return f"'{key}' is now called '{RENAMED[key]}'"
    if key in REMOVED:
        return f"'{key}' is gone, take it out: {REMOVED[key]}"
    section: type[BaseModel] = Params
    for part in location[:-1]:
        annotation = section.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        section = annotation
    close = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    return f"unknown key '{key}'" + (f" (did you mean '{close[0]}'?)" if close else "")


def main() -> None:
    """Check `params.yaml`; silent when it is right."""
    load_params()


if __name__ == "__main__":
    run_command(main)
