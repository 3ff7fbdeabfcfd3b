"""Whatever `params.yaml` says, it is read or refused by one message."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import same_examples
from hypothesis import given
from hypothesis import strategies as st

from herodex.errors import UserError
from herodex.params import load_params

FUZZED = same_examples(300)
SOURCE = Path("params.yaml").read_bytes()
VALUES: dict[str, Any] = yaml.safe_load(SOURCE)


def places(values: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value, as keys and list positions."""
    children = (
        values.items() if isinstance(values, dict) else enumerate(values) if type(values) is list else ()
    )
    for key, value in children:
        yield (*above, key)
        yield from places(value, (*above, key))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63])
    | st.floats()
    | st.dates()
    | st.binary(max_size=20)
    | st.text(max_size=40)
    | st.sampled_from(
        ["\0", "\ud800", "../..", "/", "http://[", "9" * 5000, "live", "demo", "folder", "[", "=", "<<"]
    )
)
KEYS = st.text(max_size=10) | st.integers() | st.booleans() | st.none() | st.dates()
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def load(content: bytes, folder: Path) -> None:
    """Load parameters; a refusal has a problem and a fix, each of bounded length."""
    path = folder / "params.yaml"
    path.write_bytes(content)
    refusal = refusal_of(path)
    if refusal is not None:
        assert refusal.problem
        assert refusal.hint
        assert len(refusal.problem) < 2000


def refusal_of(path: Path) -> UserError | None:
    """Load parameters; return why they are refused."""
    try:
        load_params(path)
    except UserError as error:
        return error
    return None


@FUZZED
@given(
    place=st.sampled_from(list(places(VALUES))), value=ANY, classes=st.sampled_from([["a", "b"], "folder"])
)
def test_any_value_in_any_place_is_read_or_refused(
    tmp_path: Path, place: tuple[Any, ...], value: Any, classes: list[str] | str
) -> None:
    changed = copy.deepcopy(VALUES)
    for name in "ab":
        (tmp_path / "web" / name).mkdir(parents=True, exist_ok=True)
    if classes == "folder":
        changed["crawl"]["web"] = "web"
    if place[0] != "classes":
        changed["classes"] = classes
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    try:
        content = yaml.safe_dump(changed).encode()
    except (UnicodeEncodeError, yaml.YAMLError):
        # A lone surrogate cannot be written.
        return
    load(content, tmp_path)


@FUZZED
@given(start=st.integers(0, len(SOURCE)), length=st.integers(0, 60), inserted=st.binary(max_size=30))
def test_any_damage_of_the_file_is_read_or_refused(
    tmp_path: Path, start: int, length: int, inserted: bytes
) -> None:
    load(SOURCE[:start] + inserted + SOURCE[start + length :], tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"- a\n" * 3,
        b"classes: &a [*a]\n",
        b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
        b"[" * 5000,
        b"? [a]\n: b\n",
        b"!!python/object/apply:os.getcwd []\n",
        b"seed: 1\nseed: 2\n",
        b"seed: 0x" + b"f" * 5000,
        b"seed: 1:59:59\n",
        b"seed: 2024-13-45\n",
        b"seed: " + b"9" * 5000,
        b"page: &a {b: *a}\n",
        SOURCE.replace(b"classes: [", b"? [a, b]\n: c\nclasses: ["),
        b"<<: 5\n",
        b"\xef\xbb\xbf" + SOURCE,
        SOURCE.replace(b"\n", b"\r\n"),
    ],
)
def test_odd_yaml_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    load(content, tmp_path)
