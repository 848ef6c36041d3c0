"""Addresses of streams that make this machine listen on a port, and those that do not."""

import pytest

from mien.media.address import opens_port, options_of


@pytest.mark.parametrize(
    "url",
    [
        "udp://127.0.0.1:9914",
        "UDP://239.0.0.1:9914?timeout=5",
        "tcp://127.0.0.1:9914?listen",
        "tcp://127.0.0.1:9914?listen=1",
        "tcp://127.0.0.1:9914?%6cisten=1",
        "tcp://127.0.0.1:9914?%6C%69sten=2",
        "tcp://127.0.0.1:9914#?listen=1",
        "tcp://127.0.0.1:9914/x?timeout=5&listen=0",
        "TCP://127.0.0.1:9914?Listen=1",
        "tcp://127.0.0.1:9914?timeout=5?listen=1&listen=1",
        "tcp://127.0.0.1:9914?unheard_of=1",
        "tcp://127.0.0.1:9914?local_port=9914",
        "rtmp://127.0.0.1:9914/live/key?listen",
        "rtmp://127.0.0.1:9914/live/key?%6cisten=1",
        "rtmp://127.0.0.1:9914/live/key?rtmp_listen=1",
        "rtsp://127.0.0.1:9914/x?rtsp_flags=1&listen=1",
        "http://127.0.0.1:9914/x?listen=1",
        "srt://127.0.0.1:9914?mode=listener",
        "srt://127.0.0.1:9914?mode=rendezvous",
        "srt://127.0.0.1:9914?mode=1",
        "srt://127.0.0.1:9914?%6dode=listener",
        "srt://127.0.0.1:9914?mode=caller&mode=listener",
        "srt://:9914?listen_timeout=1",
    ],
)
def test_addresses_that_listen(url: str) -> None:
    assert opens_port(url, receives=True)


@pytest.mark.parametrize(
    "url",
    [
        "tcp://192.0.2.1:9914",
        "tcp://192.0.2.1:9914?timeout=5000000&tcp_nodelay=1",
        "rtmp://192.0.2.1/live/key?token=a&expires=1",
        "rtsp://192.0.2.1/cam/realmonitor?channel=1&subtype=0",
        "https://192.0.2.1/x.ts?a=listening",
        "srt://192.0.2.1:9914?mode=caller&streamid=%23!::r=cam,m=request&latency=200",
    ],
)
def test_addresses_that_call_somebody(url: str) -> None:
    assert not opens_port(url, receives=True)
    assert not opens_port(url, receives=False)


def test_sending_over_udp_needs_no_port_unless_one_is_named() -> None:
    assert not opens_port("udp://192.0.2.1:9914?pkt_size=1316&ttl=4", receives=False)
    assert opens_port("udp://192.0.2.1:9914?localport=9914", receives=False)
    assert opens_port("udp://192.0.2.1:9914?%6cocalport=9914", receives=False)


def test_options_are_read_as_ffmpeg_reads_them() -> None:
    assert options_of("tcp://a:1#x?b=%20c&%64=e=f&g") == [("b", " c"), ("d", "e=f"), ("g", "")]
    assert options_of("tcp://a:1") == [("", "")]
