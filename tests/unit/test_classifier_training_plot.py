import pandas as pd

from herodex.classifier.training_plot import training_figure


def test_axis_of_weight_decay_names_the_candidates():
    history = pd.DataFrame({"step": [1, 2], "loss": [0.5, 0.3]})
    table = pd.DataFrame({"l2": [0.03, 0.01, 0.003, 0.001], "log_loss": [0.4, 0.3, 0.2, 0.25]})
    scores = pd.DataFrame({"ood": [0, 0, 1, 1], "score": [1.0, 2.0, -1.0, 0.5]})
    figure = training_figure(history, table, scores)
    figure.canvas.draw()
    axis = figure.axes[1].xaxis
    labels = [label.get_text() for label in [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]]
    assert labels == ["0.03", "0.01", "0.003", "0.001"]
