from herodex.lineage.runs import headline_metrics


def test_parent_run_shows_one_figure_of_each_model():
    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 8}
    lineage = {
        "classifier": {"model": "a", "metrics": {"accuracy": figure, "recall.tea": figure}},
        "generator": {"model": "b", "metrics": {"nats": {**figure, "value": 2.5}}},
    }
    assert headline_metrics(lineage) == {"classifier.accuracy": 0.5, "generator.nats": 2.5}
    assert headline_metrics({"generator": lineage["generator"]}) == {"generator.nats": 2.5}
