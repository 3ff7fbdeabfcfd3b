from herodex.lineage.lock import StageRecord
from scripts.prove import compare, readers


def stage(inputs: list[str], **outputs: str) -> StageRecord:
    return StageRecord(code="", params={}, libraries={}, inputs=dict.fromkeys(inputs, ""), outputs=outputs)


def test_compare_lists_different_and_missing_outputs():
    first = {"clean": stage([], table="1", extra="2")}
    second = {"clean": stage([], table="9")}
    assert compare(first, second) == [("clean", "table", "1", "9"), ("clean", "extra", "2", "missing")]


def test_readers_include_stages_that_read_inside_an_output():
    stages = {
        "make": stage(["raw"], folder="1"),
        "read": stage(["folder/file"], table="2"),
        "last": stage(["table"], figures="3"),
        "other": stage(["raw"], aside="4"),
    }
    assert readers(stages, ["make"]) == {"make", "read", "last"}
