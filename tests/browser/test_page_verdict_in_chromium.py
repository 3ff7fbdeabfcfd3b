"""The page's words and bars for the service's answers, in a real browser."""

from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, stubbed

from herodex.inference.decision import posterior
from herodex.inference.predict import Outputs, load_classifier, to_prediction

ANSWERS = 10_000
WORD_ALL = """
const [answers, done] = arguments;
const app = document.querySelector("script[type=module]").src;
import(new URL("verdict.js", app).href).then(({ wordAnswer }) => done(answers.map(wordAnswer)));
"""
NONE = "None of the three"


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
        lookalike = f": looks like {answer['looks_like'].title()}" if answer["looks_like"] else ""
        assert words["heading"] == (answer["label"].title() if answer["known"] else NONE + lookalike)
        assert words["answer"] == (answer["label"] if answer["known"] else "unknown")
        assert first["label"] == (answer["label"] if answer["known"] else NONE)
        assert words["share"] == first["share"] == max(bar["share"] for bar in words["shares"])
        assert len(rest) == classes
        named = {"unknown" if name == NONE.lower() else name.lower() for name in also(words["detail"])}
        assert named | {answer["label"] if answer["known"] else "unknown"} == set(answer["set"])
        assert not (answer["known"] and "ooks like" in words["heading"] + words["detail"])


def also(detail: str) -> list[str]:
    """Return the answers that the detail names as also possible."""
    return detail.partition("Could also be ")[2].removesuffix(".").split(" or ") if "also" in detail else []


MANY_CLASSES = """
const names = Array.from({ length: %d }, (_, place) => `hero ${place}`);
const real = () => send(path, options);
if (path.startsWith("api/about")) return Response.json({ ...(await (await real()).json()), classes: names });
if (!path.startsWith("api/classify")) return real();
const shares = names.map((label, place) => [label, 0.7 * 0.5 ** (place + 1)]);
const unknown = 1 - shares.reduce((sum, [, share]) => sum + share, 0);
return Response.json({
  label: "hero 0", known: true, probabilities: Object.fromEntries(shares), unknown, set: names,
  looks_like: "", model: "abc",
});
"""


def many_classes(page: Page, count: int) -> AbstractContextManager[None]:
    """Let the page show answers of a classifier of many classes, each half as likely as the one before."""
    return stubbed(page, "api/", MANY_CLASSES % count)


@pytest.mark.parametrize(("count", "none"), [(12, "None of the twelve"), (1000, "None of the 1,000")])
def test_many_classes_are_shown_by_the_top_ones_and_found_by_name(
    page: Page, cherry: Path, axe: str, count: int, none: str
) -> None:
    with many_classes(page, count):
        page.open(360)
        others = f"{count - 5:,} other classes together"
        assert list(page.bars()) == [*(f"Hero {place}" for place in range(5)), none, others]
        page.upload(cherry)
        assert page.text(".answer") == "Hero 0"
        named = f"Hero 1 or Hero 2 or Hero 3 or {count - 4} others."
        assert page.text(".detail") == f"Probability: 35 %. Could also be {named}"
        bars = page.bars()
        assert list(bars) == ["Hero 0", none, *(f"Hero {place}" for place in range(1, 5)), others]
        assert list(bars.values())[:3] == ["35 %", "30 %", "18 %"]
        check_every_mode(page, axe, f"{count} classes")
        page.one("#find-class").send_keys(f"HERO {count - 1}")
        assert page.bars() == {f"Hero {count - 1}": "<1 %"}
        check_every_mode(page, axe, f"one of {count} classes")
        page.one("#find-class").send_keys("x")
        assert page.text(".bars") == "No class has this name."


@pytest.mark.parametrize("count", [3, 12, 1000])
def test_answer_is_in_sight_on_a_phone(page: Page, cherry: Path, count: int) -> None:
    with many_classes(page, count):
        page.open(360)
        page.upload(cherry)
        page.wait(lambda: page.one(".preview").is_displayed())
        place = "return document.querySelector('.verdict').getBoundingClientRect().bottom + scrollY"
        assert page.driver.execute_script(place) < 740


def test_few_classes_have_no_field_to_find_one(page: Page) -> None:
    assert not page.one("#find-class").is_displayed()
