from herodex.lineage.lock import StageRecord
from scripts.prove import compare, readers


def stage(inputs: list[str], **outputs: str) -> StageRecord:
    return StageRecord(code="", params={}, libraries={}, inputs=dict.fromkeys(inputs, ""), outputs=outputs)


def test_compare_names_the_clones_with_different_and_missing_outputs():
    locks = {
        "one core": {"clean": stage([], table="1", extra="2", plot="3")},
        "all cores": {"clean": stage([], table="1", extra="2", plot="3")},
        "AVX2": {"clean": stage([], table="9", plot="3")},
    }
    assert compare(locks) == {
        ("clean", "table"): ["AVX2"],
        ("clean", "extra"): ["AVX2"],
        ("clean", "plot"): [],
    }


def test_readers_include_stages_that_read_inside_an_output():
    stages = {
        "make": stage(["raw"], folder="1"),
        "read": stage(["folder/file"], table="2"),
        "last": stage(["table"], figures="3"),
        "other": stage(["raw"], aside="4"),
    }
    assert readers(stages, ["make"]) == {"make", "read", "last"}
