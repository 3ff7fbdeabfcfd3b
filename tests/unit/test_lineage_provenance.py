"""The formats of others, read by their own tools: Croissant, CycloneDX, and an in-toto statement of SLSA."""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
import yaml
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sharded import move_into_shards
from tiny_lineage import draw_images, tiny_lineage
from tiny_service import COLOURS

from herodex.lineage.cards import classifier_card, generator_card
from herodex.lineage.record import write_provenance
from herodex.lineage.slsa import statement_id
from herodex.params import load_params
from scripts.prove import change_params

OTHERS_WARNINGS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
"""Those of libraries of mlcroissant."""
MODELS = ("classifier", "generator")
FILES = {"bom.cdx.json", "croissant.json", "images.csv", "slsa.json"}


@pytest.fixture(scope="module")
def written(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with drawn images and the files about them and its models."""
    project = tmp_path_factory.mktemp("provenance") / "project"
    shutil.copytree(tiny_project, project)
    draw_images(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        Path("models/lineage.json").write_text(json.dumps(tiny_lineage(project)), encoding="utf-8")
        write_provenance(tiny_lineage(project), MODELS, load_params())
    return project


def read(project: Path, name: str) -> dict[str, Any]:
    return json.loads((project / "reports/provenance" / name).read_text(encoding="utf-8"))


def test_files_have_the_same_bytes_when_they_are_written_again(written, monkeypatch):
    monkeypatch.chdir(written)
    folder = Path("reports/provenance")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert before.keys() == FILES
    write_provenance(tiny_lineage(written), MODELS, load_params())
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_run_of_one_half_keeps_or_drops_the_description_of_images(written, tmp_path, monkeypatch):
    shutil.copytree(written, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    lineage = tiny_lineage(tmp_path / "project")
    # As after a pull of the models alone.
    shutil.rmtree("data/images")
    write_provenance(lineage, ["generator"], load_params())
    assert {file.name for file in Path("reports/provenance").iterdir()} == FILES
    write_provenance({"generator": lineage["generator"]}, ["generator"], load_params())
    assert {file.name for file in Path("reports/provenance").iterdir()} == {"bom.cdx.json", "slsa.json"}
    named = {subject["name"] for subject in read(tmp_path / "project", "slsa.json")["subject"]}
    assert not any("classifier" in name for name in named)


def test_fine_tuned_classifier_is_described_with_its_own_backbone_alone(written, tmp_path, monkeypatch):
    shutil.copytree(written, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    shutil.copy("models/backbone/backbone.bin", "models/classifier")
    write_provenance(tiny_lineage(tmp_path / "project"), MODELS, load_params())
    parts = {part["name"]: part for part in read(tmp_path / "project", "bom.cdx.json")["components"]}
    assert "backbone" not in parts
    assert "models/classifier/backbone.bin" in {file["name"] for file in parts["classifier"]["components"]}
    named = {subject["name"] for subject in read(tmp_path / "project", "slsa.json")["subject"]}
    assert not any(name.startswith("models/backbone") for name in named)


def test_stage_names_the_folder_as_its_output():
    stages = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert "reports/provenance" in stages["record_lineage"]["outs"]


@OTHERS_WARNINGS
def test_mlcroissant_loads_every_cleaned_image_with_its_row(written, caplog):
    with caplog.at_level(logging.ERROR):
        data = mlcroissant.Dataset(jsonld=str(written / "reports/provenance/croissant.json"))
        records = list(data.records("images"))
    assert not data.metadata.ctx.issues.errors
    # The pipeline records no time, so there is no date of publication.
    assert [re.findall(r"org/(\w+)", text) for text in data.metadata.ctx.issues.warnings] == [
        ["datePublished"]
    ]
    found = {text(record, "path"): record for record in records}
    assert len(records) == len(found) == len(COLOURS) + 1
    by_label = {text(record, "label"): record for record in records if text(record, "split")}
    assert by_label.keys() == COLOURS.keys()
    for label, colour in COLOURS.items():
        assert (np.asarray(by_label[label]["images/image"]) == colour).all()
    cherry, ocean = by_label["cherry"], by_label["ocean"]
    assert text(cherry, "author") == "Ann Ä"
    assert text(cherry, "title") == 'A "cherry", no. 0'
    assert (text(cherry, "license"), text(cherry, "source_url")) == ("CC BY 4.0", "http://a.test/0.jpg")
    assert ocean["images/author"] is None
    (aside,) = (record for record in records if not text(record, "split"))
    assert (text(aside, "label"), text(aside, "dropped_for")) == ("cherry", "too_dark")


@OTHERS_WARNINGS
def test_mlcroissant_loads_the_same_images_from_shards(written, tmp_path, monkeypatch):
    shutil.copytree(written, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    move_into_shards(Path("data/images/clean"), 2)
    write_provenance(tiny_lineage(tmp_path / "project"), MODELS, load_params())
    both = []
    for project in (written, tmp_path / "project"):
        data = mlcroissant.Dataset(jsonld=str(project / "reports/provenance/croissant.json"))
        both.append({text(record, "path"): record for record in data.records("images")})
    files, shards = both
    assert files.keys() == shards.keys()
    for name, record in files.items():
        image, same = record.pop("images/image"), shards[name].pop("images/image")
        assert (np.asarray(image) == np.asarray(same)).all()
        assert {field: text(record, field.removeprefix("images/")) for field in record} == {
            field: text(shards[name], field.removeprefix("images/")) for field in record
        }


def test_description_says_that_a_bucket_holds_the_shards(written, tmp_path, monkeypatch):
    shutil.copytree(written, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    move_into_shards(Path("data/images/clean"), 2)
    change_params(Path("params.yaml"), {"storage": {"layout": "bucket", "bucket": "s3://images/of/mine"}})
    write_provenance(tiny_lineage(tmp_path / "project"), MODELS, load_params())
    (folder,) = (each for each in read(Path(), "croissant.json")["distribution"] if each["@id"] == "folder")
    assert "which are in the bucket that params.yaml names" in folder["description"]
    # Its address may change without a run.
    assert "of/mine" not in (Path("reports/provenance") / "croissant.json").read_text(encoding="utf-8")


@OTHERS_WARNINGS
def test_mlcroissant_refuses_a_table_with_another_byte(written, tmp_path):
    shutil.copytree(written, tmp_path / "project")
    with (tmp_path / "project/reports/provenance/images.csv").open("a", encoding="utf-8") as table:
        table.write("\n")
    data = mlcroissant.Dataset(jsonld=str(tmp_path / "project/reports/provenance/croissant.json"))
    with pytest.raises(Exception, match=r"Download\(images\.csv\)") as caught:
        list(data.records("images"))
    assert "not identical" in str(caught.value.__cause__)


def text(record: dict[str, Any], name: str) -> str:
    value = record[f"images/{name}"]
    return value.decode() if isinstance(value, bytes) else value or ""


def test_bom_is_valid_cyclonedx_with_libraries_and_models(written):
    source = (written / "reports/provenance/bom.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(source) is None
    bom: Any = Bom.from_json(json.loads(source))  # pyright: ignore[reportAttributeAccessIssue]
    found = {(part.type.value, part.name, part.version) for part in bom.components}
    lineage = tiny_lineage(written)
    assert {
        ("library", "numpy", "1.26"),
        ("library", "numpy", "2.2"),
        ("library", "scrapy", "2.19"),
        ("machine-learning-model", "classifier", lineage["classifier"]["model"]),
        ("machine-learning-model", "generator", lineage["generator"]["model"]),
        ("machine-learning-model", "backbone", lineage["classifier"]["backbone"]["ir_sha256"]),
    } == found
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", json.loads(source)["serialNumber"])


def test_models_in_the_bom_have_metrics_with_intervals_and_licences_of_the_data(written):
    parts = {part["name"]: part for part in read(written, "bom.cdx.json")["components"]}
    card = parts["classifier"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"][0] == {
        "type": "accuracy",
        "value": "0.75",
        "confidenceInterval": {"lowerBound": "0.65", "upperBound": "0.85"},
    }
    (data,) = card["modelParameters"]["datasets"]
    assert {"name": "licence CC BY 4.0", "value": "3"} in data["contents"]["properties"]


def test_statement_names_files_settings_and_materials(written):
    statement = read(written, "slsa.json")
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    names = {subject["name"] for subject in statement["subject"]}
    assert {"models/lineage.json", "models/classifier/head.npy", "data/names/clean.csv"} < names
    assert {f"reports/provenance/{name}" for name in FILES - {"slsa.json"}} < names
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["params"]["clean_images"] == {"seed": 7}
    materials = {
        each.get("name") or each["uri"]: each.get("digest") for each in definition["resolvedDependencies"]
    }
    assert materials["data/own_images"] == {"dvc_dir_md5": "a" * 32}
    assert materials["data/review.csv"] == {"md5": "e" * 32}
    assert materials["code of clean_names"] == {"sha256": "c" * 64}
    assert {"pkg:pypi/numpy@1.26", "pkg:pypi/numpy@2.2", "pkg:pypi/scrapy@2.19"} < materials.keys()
    # A stage made it.
    assert "data/images/raw" not in materials
    assert statement["predicate"]["herodex_buildLevel"]["level"] == "SLSA_BUILD_LEVEL_1"


def test_id_of_a_statement_follows_from_its_content(written):
    statement = read(written, "slsa.json")
    assert statement["predicate"]["runDetails"]["metadata"]["invocationId"] == statement_id(statement)
    statement["predicate"]["buildDefinition"]["externalParameters"]["params"]["clean_images"]["seed"] = 8
    assert statement["predicate"]["runDetails"]["metadata"]["invocationId"] != statement_id(statement)


@pytest.mark.parametrize(
    ("name", "card", "metric", "task", "datasets"),
    [
        (
            "classifier",
            classifier_card,
            "accuracy",
            "image-classification",
            ["herodex-images", "imagenet-1k"],
        ),
        ("generator", generator_card, "nats", "text-generation", ["herodex-names"]),
    ],
)
def test_card_starts_with_the_front_matter_of_the_hub(written, name, card, metric, task, datasets):
    lineage = tiny_lineage(written)[name]
    text = card(lineage, load_params(written / "params.yaml"))
    _, head, body = text.split("---\n", 2)
    fields = yaml.safe_load(head)
    assert body.startswith("\n# Model card")
    assert (fields["license"], fields["library_name"], fields["pipeline_tag"]) == ("other", "openvino", task)
    assert fields["datasets"] == datasets
    assert (fields["metrics"], "herodex" in fields["tags"]) == ([metric], True)
    ((result,),) = (entry["results"] for entry in fields["model-index"])
    assert result["task"] == {"type": task}
    assert result["metrics"][0]["value"] == lineage["metrics"][metric]["value"]
    assert "95 % interval" in result["metrics"][0]["name"]
