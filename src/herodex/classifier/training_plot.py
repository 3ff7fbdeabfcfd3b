"""Plot of the head's training, cross-validation and OOD calibration."""

import pandas as pd
from matplotlib.figure import Figure


def training_figure(history: pd.DataFrame, cross_validation: pd.DataFrame, ood: pd.DataFrame) -> Figure:
    """Draw the training loss, the choice of weight decay, and the OOD scores.

    Args:
        history: `step`, `loss`.
        cross_validation: `l2`, `log_loss`.
        ood: `ood` 0 or 1, `score`.
    """
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(history["step"], history["loss"])
    left.set(xlabel="step of the solver", ylabel="loss, weight decay included", title="training")
    middle.plot(cross_validation["l2"], cross_validation["log_loss"], marker="o")
    middle.set(xlabel="weight decay", ylabel="out-of-fold log loss", xscale="log", title="cross-validation")
    # Powers of ten would be formulas, which saved figures show as they are written.
    middle.set_xticks(cross_validation["l2"], [f"{decay:g}" for decay in cross_validation["l2"]])
    middle.minorticks_off()
    span = (float(ood["score"].min()), float(ood["score"].max()))
    for is_ood, name in ((0, "of a class"), (1, "left out of training")):
        scores = ood["score"][ood["ood"] == is_ood]
        right.hist(scores, bins=40, range=span, density=True, alpha=0.6, label=name)
    right.axvline(0, color="grey", linestyle=":", label="as likely known as unknown")
    right.set(xlabel="OOD score: log-odds of known", ylabel="density", title="leave-one-query-out")
    # Room for the legend above the bars.
    right.set_ylim(top=1.45 * right.get_ylim()[1])
    right.legend(loc="upper left")
    return figure
