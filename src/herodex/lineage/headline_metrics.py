"""The few figures of both models that `dvc metrics show` prints and MLflow's run of the pipeline has."""

from pathlib import Path
from typing import Any

from herodex.json_record import read_json
from herodex.statistics import Estimate

DIGITS = 4


def headline_metrics(reports: Path, name: str) -> dict[str, float]:
    """Select the headline figures of a model from its reports.

    Args:
        reports: the folder of reports.
        name: of the model.
    """
    metrics = read_json(reports / name / "metrics.json")
    if name == "generator":
        return generator_figures(metrics)
    return classifier_figures(metrics, read_json(reports / name / "validation.json"))


def classifier_figures(metrics: dict[str, Any], validation: dict[str, Any]) -> dict[str, float]:
    """Select the accuracy, its baseline, and the figures of OOD detection on things left out of training.

    Args:
        metrics: of the evaluation.
        validation: of the training; it lacks two figures where nothing could be left out.
    """
    rates = {
        "auroc": validation["ood"].get("auroc"),
        "false_accepts": validation["ood"].get("false_accept_rate"),
        "false_rejects": metrics["ood"]["false_reject_rate"],
        "accuracy_baseline": metrics["baseline"]["accuracy"],
    }
    values = {figure: found["value"] for figure, found in rates.items() if found}
    return rounded(bounded("accuracy", metrics["accuracy"]) | values)


def generator_figures(metrics: dict[str, Any]) -> dict[str, float]:
    """Select the nats per character on held-out names, and those of a trigram model."""
    return rounded(bounded("nats", metrics["nats"]) | {"nats_trigram": metrics["trigram"]["value"]})


def bounded(figure: str, found: Estimate) -> dict[str, float]:
    """Return an estimate and the bounds of its 95 % interval, flat."""
    return {figure: found["value"], f"{figure}_low": found["low"], f"{figure}_high": found["high"]}


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Round figures for a narrow table."""
    return {figure: round(value, DIGITS) for figure, value in figures.items()}
