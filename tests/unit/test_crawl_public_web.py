import pytest

from crawlers.middlewares.public_web import NotPublic, numeric_address, proxy_hosts, require_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_non_public_address_is_refused(address):
    with pytest.raises(NotPublic):
        require_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.32.0.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_address_is_accepted(address):
    assert require_public(address) == address


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("example.org", None),
        ("127.0.0.1.example.org", None),
        ("", None),
    ],
)
def test_numeric_address_is_read_in_every_form(host, address):
    assert numeric_address(host) == address


def test_proxy_hosts_are_read_from_urls():
    assert proxy_hosts({"http": "http://user:secret@proxy.corp:3128", "no": "localhost"}) == {"proxy.corp"}
