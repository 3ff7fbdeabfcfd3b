"""Hosts that give no answer are told from a network that is down."""

from crawlers.silent_hosts import MOST_UNANSWERED, SilentHosts, host_of


def silence(hosts: SilentHosts, host: str, count: int) -> list[str]:
    """Let images of a host have no answer; return the hosts that are given up."""
    return [each for number in range(count) for each in hosts.note_silence(host, f"http://{host}/{number}")]


def test_silent_host_is_given_up_once_if_another_one_answers_in_between():
    hosts = SilentHosts()
    assert silence(hosts, "dead.test", 10) == []
    assert hosts.note_answer("fine.test") == []
    assert silence(hosts, "dead.test", MOST_UNANSWERED - 11) == []
    assert silence(hosts, "dead.test", 10) == ["dead.test"]
    assert not hosts.network_may_be_down()
    assert hosts.given_up == {"dead.test": "not requested: 25 images of dead.test in a row had no answer"}


def test_silent_host_is_given_up_when_another_one_answers_later():
    hosts = SilentHosts()
    assert silence(hosts, "dead.test", 2 * MOST_UNANSWERED) == []
    assert hosts.network_may_be_down()
    assert hosts.note_answer("fine.test") == ["dead.test"]
    assert hosts.note_answer("fine.test") == []
    assert not hosts.network_may_be_down()


def test_an_answer_starts_the_count_of_its_host_again():
    hosts = SilentHosts()
    for _ in range(10):
        assert silence(hosts, "slow.test", MOST_UNANSWERED - 1) == []
        assert hosts.note_answer("slow.test") == []
    assert hosts.given_up == {}


def test_network_is_checked_after_images_of_many_hosts_in_a_row():
    hosts = SilentHosts()
    for number in range(MOST_UNANSWERED):
        assert not hosts.network_may_be_down()
        assert silence(hosts, f"{number}.test", 1) == []
    assert hosts.network_may_be_down()
    assert len(hosts.unanswered) == MOST_UNANSWERED


def test_network_is_checked_with_a_host_that_is_not_silent_itself():
    hosts = SilentHosts()
    silence(hosts, "dead.test", 1)
    assert hosts.witness(["http://dead.test/robots.txt", "http://api.test/1"]) == "http://api.test/1"
    assert hosts.witness(["http://dead.test/robots.txt"]) is None
    assert hosts.witness([]) is None


def test_host_has_its_port():
    assert host_of("http://a.test:8080/1.jpg?x=//b.test/") == "a.test:8080"
