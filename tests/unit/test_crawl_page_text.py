import time

import pytest

from crawlers.page_text import LONGEST_HTML, one_line, visible_text

CARD = (
    '<div class="vcard" style="display:block"><div class="fn"><a href="//w">Rembrandt</a></div>'
    "<table><tr><th>Born</th><td>1606</td></tr></table></div>"
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('Rita<span style="display: none;">Unknown author</span>', "Rita"),
        ("Ann<br>Bob", "Ann, Bob"),
        ("<ul><li>Ann<ul><li>Bob</li></ul></li><li>Cy</li></ul>", "Ann, Bob, Cy"),
        ("<script>var a;</script>Ann <style>.a{}</style><!-- no -->Bob", "Ann Bob"),
        ("<p>Photo:</p>\n<p>Ann,<br/>Bob</p><div>, Cy</div>", "Photo: Ann, Bob, Cy"),
        ("<table><tr><td>Ann</td><td>Bob</td></tr></table>", "Ann, Bob"),
        ("<dl><dt>Ann</dt><dd>Bob</dd></dl> and Cy", "Ann, Bob, and Cy"),
        ('<a title="User:Ann/Gallery">User:Ann/Gallery</a> <small>(talk)</small>', "User:Ann/Gallery (talk)"),
        (f"after {CARD}", "after, Rembrandt"),
        (f"{CARD}{CARD.replace('Rembrandt', 'Vermeer')}", "Rembrandt, Vermeer"),
        ('<table class="vcard x"><tr><td class="a fn">Ann</td><td>no</td></tr></table>', "Ann"),
        ('<div class="vcard">Ann <b>of Ghent</b></div>', "Ann of Ghent"),
        ("Ann &amp; B&ouml;b &lt;b@c.test&gt;&nbsp;&copy;", "Ann & Böb <b@c.test> ©"),
        ("Ann&#8207; &#x202E;Bob&rlm;", "Ann Bob"),
        ("A\u200fnn \u2067Bob\u2069, mail\u00ading", "Ann Bob, mailing"),
        ("نرم\u200cافزار", "نرم\u200cافزار"),
        ("a < b", "a < b"),
        ("<b>Ann</b>", "Ann"),
    ],
)
def test_visible_text_separates_blocks_and_leaves_out_the_rest(html, text):
    assert visible_text(html) == text


@pytest.mark.parametrize(
    "hidden",
    [
        '<span style="DISPLAY : NONE !important">x</span>',
        '<i style="color:red;/* a;b */visibility:hidden">x<b>y</b></i>',
        "<div hidden>x<p>y</p></div>",
        '<span hidden="until-found">x</span>',
        '<b style="font-size:0">x</b>',
        "<noscript>x</noscript>",
        "<template><p>x</p></template>",
        "<details><p>x</p></details>",
        "<dialog>x</dialog>",
        "<title>x</title>",
        "<svg><text>x</text></svg>",
    ],
)
def test_visible_text_leaves_out_hidden_elements_but_not_the_text_after_them(hidden):
    assert visible_text(f"Ann {hidden} Bob").replace(",", "") == "Ann Bob"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<span style="display:none;display:inline">Ann</span>', "Ann"),
        ("<details><summary>Ann</summary>more</details>", "Ann"),
        ("<details open><summary>Ann</summary>more</details>", "Ann, more"),
        ("<dialog open>Ann</dialog>", "Ann"),
        ('<span data-style="display:none">Ann</span>', "Ann"),
    ],
)
def test_visible_text_keeps_shown_elements(html, text):
    assert visible_text(html) == text


@pytest.mark.parametrize("value", ["", None, 7, ["Ann"], "<!--", "<p></p>", "\ud800 \0", "\u200d", "<?php x"])
def test_visible_text_of_nothing_is_empty(value):
    assert visible_text(value) == ""


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        '<div class="vcard"><p class="fn">' * 50_000,
        '<div class="vcard"><b class="fn">a</b>' + "<i>b</i>" * 50_000,
        "<br>" * 200_000,
    ],
    ids=["nested", "cards", "one card", "breaks"],
)
def test_visible_text_of_hostile_html_takes_bounded_time(html):
    started = time.thread_time()
    assert len(visible_text(html)) <= LONGEST_HTML
    assert time.thread_time() - started < 5


def test_one_line_joins_words_that_a_format_character_divides():
    assert one_line("Da\u00adta\u200b \u202eset\n\u200d") == "Data set"
