import pytest

from crawlers.web_address import is_web_address


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test:abc/",
        "http://a.test:-1/",
        "http://a.test:99999999/",
        "http://a.test:0/",
        "http://a.test:٣/",
        "http://a.test:80:80/",
        "http://[",
        "http://[::1",
        "http://[v1.a b]/",
        "http://]/",
        "http://a.test/\0",
        "http://a\0.test/",
        "http://a.test/\ud800",
        "http://\udfff.test/",
        "http://a.test/\r\nHost: b.test",
        "http://a\r\n.test/",
        "javascript:alert(1)",
        "JavaScript://a.test/%0a",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "ftp://a.test/",
        "about:blank",
        "http://",
        "http:///a",
        "http:a.test",
        "//a.test/",
        "/a",
        "",
        "http://.",
        "http://a..test/",
        "http://a b/",
        "http://%61.test/",
        "http://user:secret@a.test/",
        "http://user@a.test/",
        f"http://{'a' * 64}.test/",
        f"http://{'a.' * 130}test/",
        f"http://{'ü' * 70}.test/",
        f"http://a.test/{'a' * 9000}",
    ],
)
def test_other_text_is_no_web_address(url):
    assert not is_web_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test",
        "HTTPS://A.test:8443/b?c=d#e",
        "http://a.test:/",
        "http://a.test./",
        "http://a_b-.test/",
        "http://127.0.0.1/",
        "http://[2606:4700::1111]:80/",
        "http://münchen.test/ä ö?ü=人",
        "http://xn--mnchen-3ya.test",
        "http://a.test/%2e%2e/\u200d",
        " http://a.test/ ",
    ],
)
def test_web_address_is_recognised(url):
    assert is_web_address(url)
