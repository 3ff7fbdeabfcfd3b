from collections import Counter

from crawlers.items import Picture, Status
from crawlers.manifest import count_statuses, in_order, summarise
from crawlers.table import write_table


def picture(query, rank, status=Status.OK, title="A title"):
    return Picture(query, rank, "http://a.test/1.jpg", "", title, "", "", "", status=status)


def test_pictures_are_ordered_by_query_as_given_and_by_rank():
    pictures = [picture("a", 10), picture("b", 1), picture("a", 9), picture("b", 2)]
    assert [(each.query, each.rank) for each in in_order(pictures, ["b", "a"])] == [
        ("b", 1),
        ("b", 2),
        ("a", 9),
        ("a", 10),
    ]


def test_a_query_without_results_is_counted_too():
    counts = count_statuses([picture("a", 1), picture("a", 2, Status.TIMEOUT)], ["a", "b"])
    assert counts == {"a": Counter({Status.OK: 1, Status.TIMEOUT: 1}), "b": Counter()}


def test_the_summary_shows_only_the_failures_that_occurred():
    counts = {"a": Counter({Status.OK: 12, Status.TIMEOUT: 1}), "bc": Counter({Status.REFUSED: 2})}
    assert summarise(counts) == (
        "query  results  kept  timeout  refused\n"
        "a           13    12        1        0\n"
        "bc           2     0        0        2\n"
        "all         15    12        1        2"
    )


def test_a_table_has_the_fields_as_columns_and_unix_lines(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, Picture, [picture("a", 1, Status.HTTP_ERROR, title='Ünï, "quoted"')])
    assert path.read_bytes().decode() == (
        "query,rank,picture_url,page_url,title,author,licence,licence_url,status,reason,sha256,file,label\n"
        'a,1,http://a.test/1.jpg,,"Ünï, ""quoted""",,,,http_error,,,,\n'
    )
