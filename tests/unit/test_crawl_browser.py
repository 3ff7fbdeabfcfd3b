import pytest
from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import ReadTimeoutError

from crawlers.browser import browser_arguments, find_browser
from crawlers.middlewares.browser import BrowserRequest, explain
from herodex.errors import UserError


def program(folder, name):
    path = folder / name
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_browser_is_found_on_the_path(tmp_path):
    chromium, driver = program(tmp_path, "chromium"), program(tmp_path, "chromedriver")
    found = find_browser({"PATH": str(tmp_path)})
    assert (found.executable, found.driver) == (chromium, driver)


def test_environment_selects_another_browser(tmp_path):
    chromium, driver = program(tmp_path, "my-browser"), program(tmp_path, "chromedriver")
    found = find_browser({"PATH": str(tmp_path), "HERODEX_CHROMIUM": str(chromium)})
    assert (found.executable, found.driver) == (chromium, driver)


@pytest.mark.parametrize(("there", "missing"), [("chromium", "chromedriver"), ("chromedriver", "Chromium")])
def test_missing_program_is_an_error_that_says_how_to_install_it(tmp_path, there, missing):
    program(tmp_path, there)
    with pytest.raises(UserError) as caught:
        find_browser({"PATH": str(tmp_path)})
    assert missing in caught.value.problem
    for clue in ("apt-get install chromium chromium-driver", "HERODEX_CHROMIUM", "HERODEX_CHROMEDRIVER"):
        assert clue in caught.value.hint


def test_environment_path_without_a_program_is_an_error(tmp_path):
    program(tmp_path, "chromium")
    with pytest.raises(UserError, match="HERODEX_CHROMEDRIVER is '/nowhere/driver'"):
        find_browser({"PATH": str(tmp_path), "HERODEX_CHROMEDRIVER": "/nowhere/driver"})


def test_browser_sends_its_user_agent_and_never_bypasses_the_proxy():
    arguments = browser_arguments("a crawler", "http://127.0.0.1:9")
    assert "--user-agent=a crawler" in arguments
    assert "--proxy-server=http://127.0.0.1:9" in arguments
    assert "--proxy-bypass-list=<-loopback>" in arguments


@pytest.mark.parametrize("root", [True, False])
def test_browser_gives_up_its_sandbox_only_for_the_superuser(root):
    assert ("--no-sandbox" in browser_arguments("a crawler", "http://127.0.0.1:9", root)) is root


def test_browser_resolves_no_name_and_sends_no_datagram():
    arguments = browser_arguments("a crawler", "http://127.0.0.1:9")
    assert "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" in arguments
    assert "--force-webrtc-ip-handling-policy=disable_non_proxied_udp" in arguments
    assert "--disable-quic" in arguments


def test_copied_request_keeps_its_condition():
    def condition(_):
        return True

    request = BrowserRequest(
        url="http://a.test/", wait_time=3, wait_until=condition, script="x()", screenshot=True
    )
    copy = request.copy()
    assert (copy.wait_time, copy.wait_until, copy.script, copy.screenshot) == (3, condition, "x()", True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            WebDriverException("session not created: wrong version\nStacktrace: #0"),
            "session not created: wrong version",
        ),
        (WebDriverException(), "WebDriverException"),
        (
            UnicodeEncodeError("utf-8", "a page's \ud800", 9, 10, "surrogates"),
            "the page's text is no Unicode",
        ),
        (ReadTimeoutError(None, "/url", "timed out"), "chromedriver crashed or hangs (ReadTimeoutError)"),  # pyright: ignore[reportArgumentType] # no pool is at hand
        (
            OSError(8, "Exec format error", "/usr/bin/chromedriver"),
            "[Errno 8] Exec format error: '/usr/bin/chromedriver'",
        ),
    ],
)
def test_browser_error_is_described_in_one_line(error, words):
    assert explain(error) == words
