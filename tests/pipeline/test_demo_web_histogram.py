"""The demo web's classes cannot be separated by colour alone."""

import numpy as np
from demo_web_params import PARAMS

from demo_web.drawing.draw import draw
from demo_web.faults import Kind
from demo_web.truth import plan_web
from herodex.evaluation.baseline import colour_histogram, predict_by_colour
from herodex.params import UNKNOWN, load_params

PER_QUERY = 45


def test_colour_histograms_alone_stay_below_85_percent() -> None:
    params = load_params(PARAMS)
    crawl = params.crawl.model_copy(
        update={"web": "demo", "images": params.crawl.images.model_copy(update={"per_query": 120})}
    )
    plan = plan_web(params.model_copy(update={"crawl": crawl}))
    queries = params.classes + params.distractors
    sound = [image for image in plan if image.kind is Kind.SOUND]
    chosen = [
        image for query in queries for image in [one for one in sound if one.query == query][:PER_QUERY]
    ]
    drawn = (np.asarray(draw(one.subject, f"{params.demo_web.seed}/{one.id}")) for one in chosen)
    histograms = np.stack([colour_histogram(image) for image in drawn])
    labels = np.array([one.query if one.query in params.classes else UNKNOWN for one in chosen])
    test = np.arange(len(chosen)) % 3 == 0
    answers = predict_by_colour(histograms[~test], labels[~test], histograms[test], params.seed)
    assert len(answers) == len(queries) * PER_QUERY / 3
    assert np.mean(answers == labels[test]) < 0.85
    known = labels[test] != UNKNOWN
    assert np.mean(answers[known] == labels[test][known]) < 0.85
