"""The page's words for the service's answers, computed in a real browser."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from page_in_chromium import Page

from herodex.inference.decision import posterior
from herodex.inference.predict import Outputs, load_classifier, to_prediction

ANSWERS = 10_000
WORD_ALL = """
const [answers, done] = arguments;
const app = document.querySelector("script[type=module]").src;
import(new URL("verdict.js", app).href).then(({ wordAnswer }) => done(answers.map(wordAnswer)));
"""
NONE = "None of these"


def test_heading_bars_history_and_words_never_contradict_the_answer(page: Page, tiny_project: Path) -> None:
    classifier = load_classifier(tiny_project / "models", "f32")
    classes, rng = len(classifier.classes), np.random.default_rng(0)
    logits = rng.normal(size=(ANSWERS, len(classifier.labels))) * rng.choice([0.1, 1, 10], (ANSWERS, 1))
    scores = rng.normal(size=ANSWERS) * rng.choice([0, 1, 10], ANSWERS)
    probabilities = posterior(logits, scores, classes, 1.0)
    # Equal probabilities too.
    probabilities[:100] = 1 / (classes + 1)
    nothing = np.zeros((ANSWERS, 1), np.float32)
    outputs = Outputs(probabilities, scores, logits.argmax(axis=1), nothing, [])
    least = rng.choice([0.001, 0.05, 0.3, 0.6], ANSWERS)
    answers = [
        asdict(to_prediction(replace(classifier, least=float(least[row])), outputs, row))
        for row in range(ANSWERS)
    ]
    worded = page.driver.execute_async_script(WORD_ALL, answers)
    assert len(worded) == ANSWERS
    for answer, words in zip(answers, worded, strict=True):
        first, *rest = words["shares"]
        assert words["state"] == ("known" if answer["known"] else "unknown")
        assert words["heading"] == (answer["label"].title() if answer["known"] else NONE)
        assert first["label"] == (answer["label"] if answer["known"] else NONE)
        assert words["share"] == first["share"] == max(bar["share"] for bar in words["shares"])
        assert len(rest) == classes
        named = {"unknown" if name == "none of these" else name.lower() for name in also(words["detail"])}
        assert named | {answer["label"] if answer["known"] else "unknown"} == set(answer["set"])
        assert not (answer["known"] and "Looks like" in words["detail"])


def also(detail: str) -> list[str]:
    """Return the answers that the detail names as also possible."""
    return detail.partition("Could also be ")[2].removesuffix(".").split(" or ") if "also" in detail else []
