"""A replica of Bing's page of image results, as far as its format is known.

Results are links of the class `iusc` whose attribute `m` is JSON. Scrolling loads more results, later a
button does; the page shows no end.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from typing import Any

SEARCH = "http://www.bing.com/images/search"
MORE = "http://www.bing.com/images/async"
ROBOTS_URL = "http://www.bing.com/robots.txt"
ROBOTS = b"User-agent: *\nDisallow: /images/search?\nDisallow: /images/async?\n"
FIRST, BATCH = 6, 4

Reply = tuple[int, bytes, Mapping[str, str]]

_PAGE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>$query - Search Images</title>
<style>li { height: 300px; } a.btn_seemore { display: none; }</style>
<div id="mmComponent_images_1"><ul class="dgControl_list">$results</ul></div>
<div class="mm_seemore"><a class="btn_seemore cbtn mBtn" href="javascript:void(0)">See more images</a></div>
<script>
const parameters = new URLSearchParams(location.search);
const list = document.querySelector("ul.dgControl_list");
const button = document.querySelector("a.btn_seemore");
let scrolled = 0, loading = false;
async function more() {
  if (loading) return;
  loading = true;
  const first = list.querySelectorAll("li").length + 1;
  const answer = await fetch("/images/async?" + new URLSearchParams({q: parameters.get("q"), first}));
  list.insertAdjacentHTML("beforeend", await answer.text());
  loading = false;
}
addEventListener("scroll", async () => {
  if (innerHeight + scrollY < document.body.scrollHeight - 10 || scrolled > $scrolls) return;
  if (scrolled++ < $scrolls) await more(); else button.style.display = "block";
});
button.addEventListener("click", () => { if (button.style.display === "block") more(); });
</script></html>
"""
)


def data(number: int, **changes: Any) -> dict[str, Any]:
    """Make the content of a result's attribute `m`, with `changes`."""
    return {
        "sid": "",
        "cturl": "",
        "cid": "AbCdEfGh",
        "purl": f"https://blog.test/post/{number}",
        "murl": f"https://images.test/{number}.jpg",
        "turl": f"https://tse1.mm.bing.net/th?id=OIP.{number}&pid=15.1",
        "md5": f"{number:032x}",
        "shkey": "",
        "t": f"Title {number}",
        "mid": f"{number:040X}",
        "desc": "",
    } | changes


def result(m: object, beside: str = "1200 x 800 · jpeg") -> str:
    """Make a result from its attribute `m` and the text beside it."""
    text = m if isinstance(m, str) else json.dumps(m, ensure_ascii=False)
    return (
        '<li><div class="iuscp"><div class="imgpt">'
        f'<a class="iusc" m="{escape(text)}" href="/images/search?view=detailV2">'
        '<div class="img_cont"><img class="mimg" alt=""></div></a>'
        f'<div class="img_info"><span class="nowrap">{beside}</span></div></div></div></li>'
    )


def page(results: Sequence[str], parameters: Mapping[str, str], scrolls: int = 2) -> Reply:
    """Answer with the first results; more load by scrolling `scrolls` times, then by clicking."""
    query = escape(parameters.get("q", ""))
    return html(_PAGE.substitute(query=query, results="".join(results[:FIRST]), scrolls=scrolls))


def more(results: Sequence[str], parameters: Mapping[str, str]) -> Reply:
    """Answer with the next results."""
    first = int(parameters["first"]) - 1
    return html("".join(results[first : first + BATCH]))


def html(text: str) -> Reply:
    """Make an HTML answer."""
    return 200, text.encode(), {"Content-Type": "text/html; charset=utf-8"}
