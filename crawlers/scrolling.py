"""Scroll a page in the browser until enough results have loaded."""

from collections.abc import Callable
from typing import cast

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.remote.webdriver import WebDriver

_LOOK = """
const [links, end] = arguments;
return [document.querySelectorAll(links).length, end !== "" && document.querySelector(end) !== null];
"""
_SCROLL = """
const [links, end, button, answer] = arguments;
const ended = () => end !== "" && document.querySelector(end) !== null;
const look = () => [document.querySelectorAll(links).length, ended()];
const before = look()[0];
const observer = new MutationObserver(() => {
  const [found, atEnd] = look();
  if (found > before || atEnd) { observer.disconnect(); clearInterval(clicks); answer([found, atEnd]); }
});
observer.observe(document.body, {childList: true, subtree: true, attributes: true});
window.scrollTo(0, 0);
window.scrollTo(0, document.body.scrollHeight);
// The button may appear late, and is hidden while the page loads.
const click = () => [...document.querySelectorAll(button)].find((each) => each.checkVisibility())?.click();
const clicks = button && setInterval(click, 100);
"""


def scrolled_to(
    count: int, links: str, end: str = "", button: str = "", endless: bool = False
) -> Callable[[WebDriver], bool]:
    """Make a condition for the browser: scroll until `count` results have loaded or there are no more.

    Args:
        count: the number of results wanted.
        links: CSS selector of one result.
        end: CSS selector of the element after the last result, if the page shows one.
        button: CSS selector of the button that loads more results, if scrolling alone does not.
        endless: the page may stop without showing an end; its results so far are then accepted.

    Returns:
        the condition. It raises TimeoutException if nothing loads within the driver's script timeout, unless
        the page is `endless` and has shown results.
    """

    def condition(driver: WebDriver) -> bool:
        found, ended = cast("tuple[int, bool]", driver.execute_script(_LOOK, links, end))  # pyright: ignore[reportUnknownMemberType]
        while found < count and not ended:
            try:
                answer = driver.execute_async_script(_SCROLL, links, end, button)  # pyright: ignore[reportUnknownMemberType]
                found, ended = cast("tuple[int, bool]", answer)
            except TimeoutException:
                if endless and found:
                    return True
                raise TimeoutException(
                    f"the page or the browser hangs after {found} of {count} results"
                ) from None
        return True

    return condition
