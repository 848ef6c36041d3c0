"""Addresses of streams: as they may be shown, and what FFmpeg makes of their options."""

from urllib.parse import unquote

HIDDEN = "***"
_SIZES = frozenset({"recv_buffer_size", "send_buffer_size", "timeout"})
_HARMLESS = {
    "tcp": _SIZES | {"tcp_nodelay", "tcp_keepalive", "tcp_mss"},
    "udp": frozenset({"pkt_size", "ttl", "buffer_size", "bitrate", "burst_bits", "connect", "dscp", "broadcast"}),
    "srt": _SIZES
    | {"streamid", "srt_streamid", "passphrase", "pbkeylen", "enforced_encryption", "kmrefreshrate", "kmpreannounce"}
    | {"latency", "rcvlatency", "peerlatency", "tsbpd", "tlpktdrop", "snddropdelay", "nakreport", "lossmaxttl"}
    | {"connect_timeout", "pkt_size", "payload_size", "mss", "ffs", "sndbuf", "rcvbuf", "maxbw", "inputbw", "oheadbw"}
    | {"minversion", "smoother", "messageapi", "transtype", "linger", "ipttl", "iptos"},
}
"""Options of protocols that can listen by an option of their address; no other one is let through where no port may open."""
_SRT_CALLS = ("srt", "mode", "caller")


def masked(url: str) -> str:
    """The address without what must not be seen: user, password, the last part of the path (the stream key) and the query."""
    scheme, found, rest = url.partition("://")
    if not found:
        return HIDDEN
    end = next(
        (place for place, letter in enumerate(rest) if letter in "?#" or not letter.isprintable() or letter == " "), None
    )
    address, tail = (rest, "") if end is None else (rest[:end], rest[end:])
    place, _, path = address.partition("/")
    if "@" in path or "@" in tail:
        # A password with a slash or a question mark in it: where it begins and ends cannot be told.
        return f"{scheme}://{HIDDEN}"
    if "@" in place:
        place = f"{HIDDEN}@{place.rpartition('@')[2]}"
    *kept, key = path.rstrip("/").split("/")
    shown = "/".join((place, *kept, HIDDEN)) if key else place
    return f"{scheme}://{shown}" + (f"?{HIDDEN}" if tail else "")


def options_of(url: str) -> list[tuple[str, str]]:
    """Return the options of an address as FFmpeg reads them, names and values decoded.

    They begin at the first question mark, wherever it stands. FFmpeg 8 decodes percent signs in names, too.
    """
    pairs = (pair.partition("=") for pair in url.partition("?")[2].split("&"))
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def opens_port(url: str, *, receives: bool) -> bool:
    """Return whether this machine may listen on a port for the address. Options that are not known count as ones that do."""
    scheme = url.partition("://")[0].lower()
    if receives and scheme == "udp":
        return True
    options = [pair for pair in options_of(url) if pair[0]]
    harmless = _HARMLESS.get(scheme)
    if harmless is None:
        # The server gets the options of these; FFmpeg keeps none, but mien itself knows `listen`.
        return any("listen" in name.lower() for name, _ in options)
    return any(pair[0] not in harmless and (scheme, *pair) != _SRT_CALLS for pair in options)
