from collections import Counter

from crawlers.items import Download, ImageRecord, SearchResult, Status
from crawlers.manifest import count_statuses, record_of, summarise, write_images
from crawlers.table import write_table


def image(query, rank, status=Status.OK, title="A title"):
    return ImageRecord(query, "demo", rank, "http://a.test/1.jpg", "", title, "", "", "", status=status)


def test_query_without_results_is_counted():
    counts = count_statuses([image("a", 1), image("a", 2, Status.TIMEOUT)], ["a", "b"], "query")
    assert counts == {"a": Counter({Status.OK: 1, Status.TIMEOUT: 1}), "b": Counter()}


def test_summary_shows_only_failures_that_occurred():
    counts = {"a": Counter({Status.OK: 12, Status.TIMEOUT: 1}), "bc": Counter({Status.REFUSED: 2})}
    assert summarise(counts, "query") == (
        "query  results  kept  timeout  refused\n"
        "a           13    12        1        0\n"
        "bc           2     0        0        2\n"
        "all         15    12        1        2"
    )


def test_table_has_fields_as_columns_and_unix_line_ends(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, ImageRecord, [image("a", 1, Status.HTTP_ERROR, title='Ünï, "quoted"')])
    assert path.read_bytes().decode() == (
        "query,source,rank,image_url,page_url,title,author,license,license_url,status,reason,sha256,file,label,group,"
        "folder_part\n"
        'a,demo,1,http://a.test/1.jpg,,"Ünï, ""quoted""",,,,http_error,,,,,,\n'
    )


RESULT = SearchResult("a", "demo", 1, "http://a.test/1.jpg", "", "", "", "", "")


def test_row_contains_the_path_of_the_image():
    row = record_of(RESULT, Download(RESULT.image_url, Status.OK, "", "abc", "jpg", 3), "unknown")
    assert (row.file, row.sha256, row.status, row.label) == ("a/abc.jpg", "abc", "ok", "unknown")


def test_row_without_a_download_is_over_budget():
    row = record_of(RESULT, None, "a")
    assert (row.file, row.status, row.reason) == ("", "over_budget", "the crawl's budget was spent")


def test_image_of_two_queries_is_written_to_both_folders(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "abc.jpg").write_bytes(b"an image")
    kept = [
        ImageRecord(
            query, "demo", 1, "", "", "", "", "", "", Status.OK, sha256="abc", file=f"{query}/abc.jpg"
        )
        for query in ("a", "b", "a")
    ]
    out = tmp_path / "raw"
    out.mkdir()
    write_images([*kept, image("c", 1, Status.TIMEOUT)], tmp_path / "store", out)
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.jpg")}
    assert files == {"a/abc.jpg": b"an image", "b/abc.jpg": b"an image"}
