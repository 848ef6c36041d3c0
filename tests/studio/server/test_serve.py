"""Addresses and names of the studio: the one it listens on, those it shows, those in its certificate."""

import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from mien.errors import UsageError
from mien.provenance.trust import Signing
from mien.settings import Settings
from mien.studio.server import serve
from mien.studio.server.serve import Options
from mien.studio.session.database import StudioDatabase
from mien.studio.session.tokens import Tokens

LOCAL = Options(
    host=None,
    port=0,
    share=False,
    names=(),
    certificate=None,
    key=None,
    data=Path("data"),
    recordings=Path("recordings"),
    photo=None,
    also=(),
    consent=None,
    adult=False,
    input=None,
    outputs=(),
    settings=Settings(),
    signing=Signing(),
)
SHARED = replace(LOCAL, share=True)


@pytest.mark.parametrize(
    ("options", "host"),
    [
        (LOCAL, "127.0.0.1"),
        (SHARED, "0.0.0.0"),
        (replace(SHARED, host="127.0.0.1"), "127.0.0.1"),
        (replace(SHARED, host="127.0.0.2"), "127.0.0.2"),
        (replace(SHARED, host="192.0.2.1"), "192.0.2.1"),
        (replace(LOCAL, host="::1"), "::1"),
        (replace(LOCAL, host="[::1]"), "::1"),
        (replace(LOCAL, host="localhost"), "localhost"),
        (replace(SHARED, host="::"), "::"),
    ],
)
def test_an_address_that_is_named_is_the_one_that_is_used(options: Options, host: str) -> None:
    assert serve._host(options) == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "studio.example", ""])
def test_a_local_studio_is_not_opened_to_others(host: str) -> None:
    with pytest.raises(UsageError):
        serve._host(replace(LOCAL, host=host))


def _has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="NOT TESTED with IPv6: this machine has none")


@needs_ipv6
def test_ipv6_loopback_is_served() -> None:
    with serve._listening("::1", 0, share=False) as listener:
        assert listener.getsockname()[0] == "::1"
        socket.create_connection(("::1", listener.getsockname()[1]), 20).close()


@needs_ipv6
def test_all_ipv6_addresses_include_ipv4() -> None:
    with serve._listening("::", 0, share=True) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), 20).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70, "256.1.1.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_said_to_be_one(host: str) -> None:
    with pytest.raises(UsageError, match="not an address of this machine") as raised, serve._listening(host, 0, share=True):
        pass
    assert "--host" in raised.value.remedy


def test_a_name_that_stands_for_another_address_is_not_local(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, **more: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"), serve._listening("localhost", 0, share=False):
        pass


@pytest.mark.parametrize(
    ("names", "host", "port", "shared", "url"),
    [
        ((), "127.0.0.1", 7421, False, "http://127.0.0.1:7421/?token="),
        ((), "::1", 7421, False, "http://[::1]:7421/?token="),
        ((), "127.0.0.1", 80, False, "http://127.0.0.1/?token="),
        ((), "127.0.0.1", 443, False, "http://127.0.0.1:443/?token="),
        ((), "192.0.2.1", 443, True, "https://192.0.2.1/"),
        ((), "192.0.2.1", 80, True, "https://192.0.2.1:80/"),
        (("studio.example",), "192.0.2.1", 7421, True, "https://192.0.2.1:7421/"),
        (("studio.example",), "0.0.0.0", 7421, True, "https://studio.example:7421/"),
        (("studio.example",), "::", 7421, True, "https://studio.example:7421/"),
        ((), "2001:db8::1", 7421, True, "https://[2001:db8::1]:7421/"),
    ],
)
def test_the_address_that_is_shown_is_one_that_lets_in(
    tmp_path: Path, names: tuple[str, ...], host: str, port: int, shared: bool, url: str
) -> None:
    options = replace(SHARED if shared else LOCAL, names=names, data=tmp_path)
    access = serve._access(options, host, port, "a long password" if shared else None, Tokens(StudioDatabase(tmp_path)))
    tls = serve._tls(options, host, names) if shared else None
    opened = serve._opened(access, names[0] if names else "", host, port, tls)
    assert opened.url.startswith(url)
    authority = opened.url.partition("://")[2].partition("/")[0]
    assert access.is_host(authority)


def test_the_certificate_holds_the_names_under_which_the_studio_is_reached(tmp_path: Path) -> None:
    options = replace(SHARED, data=tmp_path, names=("b\u00fcro.example", "studio.example"))
    names = serve._names(options)
    assert names == ("xn--bro-hoa.example", "studio.example")
    for host in ("192.0.2.1", "2001:db8::1", "0.0.0.0", "::"):
        serve._tls(options, host, names)
        alternatives = _names_in(tmp_path / "tls" / "certificate.pem")
        assert {"xn--bro-hoa.example", "studio.example", "localhost", "127.0.0.1"} <= alternatives
        assert (host in alternatives) == (host not in {"0.0.0.0", "::"}), alternatives


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--name"):
        serve._names(replace(SHARED, names=("a" * 80,)))


def _names_in(certificate: Path) -> set[str]:
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    alternatives = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in alternatives}
