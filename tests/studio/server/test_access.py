"""The studio's door without a server: Host, Origin, the page's policy, and wrong passwords."""

import pytest

from mien.studio.server.access import Access
from mien.studio.server.guesses import DEFAULT_LIMITS

PASSWORD = "a long password"


class _Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("port", "tls", "host", "ours"),
    [
        (80, False, "localhost", True),
        (80, False, "127.0.0.1", True),
        (80, False, "[::1]", True),
        (80, False, "localhost:80", True),
        (80, False, "localhost:", True),
        (80, False, "localhost:443", False),
        (443, True, "localhost", True),
        (443, True, "LOCALHOST.", True),
        (443, True, "localhost:443", True),
        (443, True, "localhost:80", False),
        (443, False, "localhost", False),
        (80, True, "localhost", False),
        (7421, False, "localhost", False),
        (7421, False, "localhost:7421", True),
        (7421, False, "[::1]:7421", True),
        (7421, False, "127.9.9.9:7421", True),
        (7421, False, "192.0.2.1:7421", False),
        (7421, False, "user@localhost:7421", False),
        (7421, False, "localhost:7421/", False),
        (7421, False, "localhost:7421;x", False),
        (7421, False, "localhost:99999999", False),
        (7421, False, "localhost:7421, localhost", False),
        (7421, False, "localhost.example:7421", False),
        (7421, False, "", False),
        (7421, False, "\xff", False),
    ],
)
def test_a_host_without_a_port_means_the_schemes_own(port: int, tls: bool, host: str, ours: bool) -> None:
    assert Access(port, tls=tls).is_host(host) is ours


@pytest.mark.parametrize(
    ("port", "tls", "origin", "host", "same"),
    [
        (443, True, "https://localhost", "localhost", True),
        (443, True, "https://localhost", "localhost:443", True),
        (443, True, "https://localhost:443", "localhost", True),
        (443, True, "http://localhost", "localhost", False),
        (443, True, "https://localhost:80", "localhost", False),
        (80, False, "http://localhost", "localhost", True),
        (80, False, "http://localhost", "127.0.0.1", False),
        (80, False, "http://localhost:443", "localhost", False),
        (7421, False, "http://localhost:7421", "localhost:7421", True),
        (7421, False, "http://localhost", "localhost:7421", False),
        (7421, False, "http://[::1]:7421", "[::1]:7421", True),
        (7421, False, "null", "localhost:7421", False),
        (7421, False, "", "localhost:7421", False),
        (7421, False, "http://evil@localhost:7421", "localhost:7421", False),
    ],
)
def test_an_origin_is_the_pages_own_when_name_and_port_are(port: int, tls: bool, origin: str, host: str, same: bool) -> None:
    assert Access(port, tls=tls).is_origin(origin, host) is same


@pytest.mark.parametrize(
    ("tls", "host", "allowed"),
    [
        (False, "127.0.0.1:7421", "connect-src 'self' ws://127.0.0.1:7421;"),
        (True, "studio.example:7421", "connect-src 'self' wss://studio.example:7421;"),
        (False, "[::1]:7421", "connect-src 'self';"),
        (False, "evil.example:7421", "connect-src 'self';"),
        (False, "x; script-src *", "connect-src 'self';"),
    ],
)
def test_the_page_may_open_websockets_to_its_own_studio_only(tls: bool, host: str, allowed: str) -> None:
    policy = Access(7421, tls=tls, names=["studio.example"]).content_policy(host)
    assert allowed in policy
    assert " ws:" not in policy.replace("ws://127.0.0.1:7421", "")
    assert "script-src 'self';" in policy


def test_an_address_has_six_guesses_a_minute() -> None:
    clock = _Clock()
    access = Access(1, password=PASSWORD, clock=clock)
    assert access.is_password(PASSWORD, "192.0.2.1") is True
    assert [access.is_password(f"guess {number}", "192.0.2.1") for number in range(DEFAULT_LIMITS.network_guesses)] == [
        False
    ] * DEFAULT_LIMITS.network_guesses
    assert access.is_password(PASSWORD, "192.0.2.1") is None
    assert access.is_password(PASSWORD, "192.0.2.2") is True, "nobody locks the others out"
    clock.now_s += DEFAULT_LIMITS.network_window_s
    assert access.is_password(PASSWORD, "192.0.2.1") is True
    assert not access.is_token(access.token)


def test_one_ipv6_network_is_one_address() -> None:
    access = Access(1, password=PASSWORD)
    for number in range(DEFAULT_LIMITS.network_guesses):
        assert access.is_password("wrong", f"2001:db8::{number}") is False
    assert access.is_password(PASSWORD, "2001:db8::ffff") is None
    assert access.is_password(PASSWORD, "2001:db8:0:1::1") is True


def test_all_addresses_together_have_sixty_guesses_in_ten_minutes() -> None:
    clock = _Clock()
    access = Access(1, password=PASSWORD, clock=clock)
    tried = [access.is_password("wrong", f"198.51.{number // 250}.{number % 250}") for number in range(1000)]
    assert tried == [False] * DEFAULT_LIMITS.all_guesses + [None] * (1000 - DEFAULT_LIMITS.all_guesses)
    assert access.is_password(PASSWORD, "203.0.113.1") is None
    clock.now_s += DEFAULT_LIMITS.all_window_s
    assert access.is_password(PASSWORD, "203.0.113.1") is True


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_owner_at_the_machine_is_not_locked_out_from_elsewhere(address: str) -> None:
    access = Access(1, password=PASSWORD)
    for number in range(DEFAULT_LIMITS.all_guesses):
        access.is_password("wrong", f"198.51.100.{number}")
    assert access.is_password(PASSWORD, "203.0.113.1") is None
    assert access.is_password("wrong", address) is False
    assert access.is_password(PASSWORD, address) is True


def test_half_a_surrogate_pair_is_a_wrong_password_and_a_wrong_token() -> None:
    access = Access(1, password=PASSWORD)
    assert access.is_password("\ud800", "192.0.2.1") is False
    assert Access(1).is_visit("\ud800") is False
