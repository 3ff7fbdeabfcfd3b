import pytest

from crawlers.middlewares.public_web import (
    NotPublic,
    numeric_address,
    proxy_hosts,
    require_public,
    require_public_host,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.0.192",
        "192.88.99.1",
        "168.63.129.16",
        "198.19.255.255",
        "203.0.113.9",
        "239.1.1.1",
        "255.0.0.1",
        "100.100.100.200",
        "fec0::1",
        "feff::1",
        "64:ff9b:1::1",
        "64:ff9b:1:2::a00:1",
        "fd00:ec2::254",
        "::127.0.0.1",
        "::1.1.1.1",
        "::ffff:0:1.1.1.1",
        "64:ff9b::c0a8:101",
        "64:ff9b::a83f:8110",
        "::ffff:168.63.129.16",
        "::ffff:100.64.0.1",
        "2002:a9fe:a9fe::1",
        "2002:c0a8:101::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "3fff::1",
        "2600::5efe:a00:1",
        "2600::200:5efe:7f00:1",
        "100::1",
        "5f00::1",
        "4000::1",
        "fe80::1%eth0",
    ],
)
def test_non_public_address_is_refused(address):
    with pytest.raises(NotPublic):
        require_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "172.32.0.1",
        "8.8.8.8",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
        "2a00:1450:4001::8a",
        "192.0.1.1",
        "168.63.129.17",
        "100.128.0.1",
        "2600::5efe:101:101",
    ],
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
        ("127.0.0.1.", "127.0.0.1"),
        ("0x7f000001.", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("a\0b", None),
        ("example.org", None),
        ("127.0.0.1.example.org", None),
        ("", None),
    ],
)
def test_numeric_address_is_read_in_every_form(host, address):
    assert numeric_address(host) == address


def test_proxy_hosts_are_read_from_urls():
    assert proxy_hosts({"http": "http://user:secret@proxy.corp:3128", "no": "localhost"}) == {"proxy.corp"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "a.localhost.",
        "printer",
        "nas.local",
        "metadata",
        "metadata.google.internal",
        "metadata.google.internal.",
        "router.lan",
        "a.home.arpa",
        "a.onion",
        "",
        ".",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "::1",
        "fe80::1%eth0",
        "::ffff:7f00:1",
    ],
)
def test_host_of_this_machine_or_its_networks_is_refused(host):
    with pytest.raises(NotPublic):
        require_public_host(host)


@pytest.mark.parametrize(
    "host", ["example.org", "EXAMPLE.org.", "1.1.1.1", "localhost.example.org", "2606:4700::1111"]
)
def test_public_host_is_accepted(host):
    require_public_host(host)


def test_proxy_of_the_user_is_refused(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    with pytest.raises(NotPublic):
        require_public_host("proxy.example.org")
