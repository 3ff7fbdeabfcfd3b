"""Scroll a page in the browser until enough of it has come in."""

from collections.abc import Callable

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
// A page shows its button when it likes, and hides it while it loads.
const click = () => [...document.querySelectorAll(button)].find((each) => each.checkVisibility())?.click();
const clicks = button && setInterval(click, 100);
"""


def scrolled_to(
    count: int, links: str, end: str = "", button: str = "", endless: bool = False
) -> Callable[[WebDriver], bool]:
    """Make a condition for the browser: scroll until `count` results are there or there are no more.

    Args:
        count: how many results are enough.
        links: CSS selector of one result.
        end: CSS selector of what the page shows after its last result, if it does.
        button: CSS selector of what one clicks for more, where scrolling alone does not do.
        endless: the page may stop without a word, and what is there by then is taken.

    Returns:
        the condition. It raises TimeoutException when nothing comes in for as long as the driver lets a
        script run, unless the page is `endless` and has shown something.
    """

    def condition(driver: WebDriver) -> bool:
        found, ended = driver.execute_script(_LOOK, links, end)
        while found < count and not ended:
            try:
                found, ended = driver.execute_async_script(_SCROLL, links, end, button)
            except TimeoutException:
                if endless and found:
                    return True
                raise TimeoutException(
                    f"the page or the browser hangs after {found} of {count} results"
                ) from None
        return True

    return condition
