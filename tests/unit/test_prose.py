"""Docs, comments and names keep to plain English, links lead somewhere, and pages stay short."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
UNCHECKED = {
    "CHANGELOG.md",  # lists old names beside the new ones
    "LICENSE",
    "dvc.lock",
    "src/demo_web/species.csv",  # third-party data
    "src/herodex/quotes.json",  # third-party data
    "tests/unit/test_prose.py",
    "uv.lock",
}
RETIRED = {
    # one noun for images
    "picture": r"pictur",
    # out-of-distribution detection
    "familiar": r"familiar",
    "stranger": r"strange",
    "unheard of": r"unheard|never[\s#]+heard",
    "judge": r"(?<![a-z])judg",
    # near and exact duplicates, duplicate groups
    "near copy": r"near[\s#_-]+cop(y|ies)",
    "exact copy": r"exact[\s#_-]+cop(y|ies)",
    "copy_of": r"copy_of(?![a-z])",
    "cluster": r"clusters?(?![a-z])",
    # label errors
    "doubt": r"doubt",
    "conflict": r"(?<![a-z_])conflict(?=[\"'`])",
    # review decisions
    "obey": r"obey",
    # contact sheets
    "sheet": r"(?<![a-z])(?<!contact[\s_-])sheets?(?![a-z])",
    # projection
    "turned": r"\.turned\b",
    # estimates with an interval
    "measured": r"def measured\(value|import .*\bmeasured\b",
    # corruption robustness
    "befall": r"befall|befell",
    "withstand": r"withst(and|ood)",
    # the demo web
    "embedded web": r"embedded[\s#_-]+web",
    # units
    "nats a character": r"nats[\s#]+an?[\s#]+(character|letter)",
    # British noun in prose, American spelling in code and data
    "licence_": r"licence_(url|of|code)|by_licences?",
    # renamed settings and metrics
    "min_shape": r"min_shape",
    "false acceptance": r"false[\s#_-]+(acceptance|rejection)",
    "auc_known": r"(?<![a-z])auc_known",
    # phrases
    "whom": r"\bwhom\b",
    "as many as": r"\bas[\s#]+many[\s#]+as\b",
    "can be had": r"\b(is|are|to|can|cannot|could)[\s#]+be[\s#]+had\b",
    "stands in": r"\bstands?[\s#]+in\b",
}
"""Words and phrases that the project no longer uses, each with the pattern that finds it."""
ALLOWED = (
    r"\bnear_duplicate_cluster\b",  # a column of others' tables of images
    r"\bclassifier\.clean\.min_shape\b|\bclassifier\.train\.false_acceptance\b",  # old keys
    r"\bdemo_web\.picture_hosts\b|\bdemo_web\.shares\.exact_copy\b",
    r"</?picture",  # the HTML element
    r"\bdont_obey_robotstxt\b|\bROBOTSTXT_OBEY\b",  # Scrapy's names
    r"\bClusterIP\b|\bKubernetes cluster\b|\bcluster: kubectl\b",  # Kubernetes' words
    r"\bRayCluster\b|\bray\.io/cluster\b|/latest/cluster/|\bcluster_resources\b",  # Ray's names
    r"\b(clean|classifier)/sheets\b|\"sheets\"",  # the folder of contact sheets
)
"""Names of third parties, and paths that keep their name."""
MARKDOWN = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
LONGEST = {"README.md": 130, "dvc.yaml": 270}
"""Lines that a file has at most."""


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of each text file that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = PROJECT / name
        if name in UNCHECKED or path.is_symlink() or not path.is_file():
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def without_allowed(text: str) -> str:
    """Blank out the allowed names; positions of everything else stay."""
    return re.sub("|".join(ALLOWED), lambda found: " " * len(found[0]), text, flags=re.IGNORECASE)


def retired_words(text: str) -> list[tuple[int, str]]:
    """List line and word of each retired word in a text."""
    plain = without_allowed(text)
    return sorted(
        (plain.count("\n", 0, found.start()) + 1, word)
        for word, pattern in RETIRED.items()
        for found in re.finditer(pattern, plain, flags=re.IGNORECASE)
    )


def links(text: str) -> Iterator[str]:
    """Yield the target of each Markdown link and image outside code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(text: str) -> set[str]:
    """List the anchors that GitHub makes of a Markdown text's headings."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """List the relative links of a page that lead to no file or no heading."""
    broken = []
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target) if target else page
        missing = not path.exists()
        if missing or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def test_no_tracked_text_has_a_retired_word():
    found = [f"{name}:{line}: {word}" for name, text in tracked_texts() for line, word in retired_words(text)]
    assert found == [], f"{len(found)} retired words"


@pytest.mark.parametrize(
    "text",
    [
        "a picture of",
        "picture_url",
        "PictureError",
        "these pic\ntures of pictures",
        "familiarity",
        "strangers",
        "near\n# copies",
        "exact_copy",
        "the embedded\nweb",
        "rows['cluster']",
        "licence_url",
        "a sheet of them",
        "nats a character",
        "to whom it may concern",
        "as many as there are",
    ],
)
def test_retired_words_are_found_in_prose_and_in_identifiers(text):
    assert retired_words(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "an image of",
        "<picture><img></picture>",
        'meta={"dont_obey_robotstxt": True}',
        "contact sheets, a stylesheet and a spreadsheet",
        "licence in prose, license_url in data",
        "ClusterIP",
        "auroc_known",
    ],
)
def test_plain_words_and_names_of_third_parties_pass(text):
    assert retired_words(text) == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(PROJECT)))
def test_relative_links_lead_to_files_and_headings(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("name", LONGEST)
def test_file_is_short_enough_to_read(name):
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST[name]
