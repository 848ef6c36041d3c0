"""Addresses of streams: their form for display, and the options that FFmpeg reads from them."""

from urllib.parse import unquote

HIDDEN = "***"
_SIZES = frozenset({"recv_buffer_size", "send_buffer_size", "timeout"})
_SAFE_OPTIONS = {
    "tcp": _SIZES | {"tcp_nodelay", "tcp_keepalive", "tcp_mss"},
    "udp": frozenset({"pkt_size", "ttl", "buffer_size", "bitrate", "burst_bits", "connect", "dscp", "broadcast"}),
    "srt": _SIZES
    | {"streamid", "srt_streamid", "passphrase", "pbkeylen", "enforced_encryption", "kmrefreshrate", "kmpreannounce"}
    | {"latency", "rcvlatency", "peerlatency", "tsbpd", "tlpktdrop", "snddropdelay", "nakreport", "lossmaxttl"}
    | {"connect_timeout", "pkt_size", "payload_size", "mss", "ffs", "sndbuf", "rcvbuf", "maxbw", "inputbw", "oheadbw"}
    | {"minversion", "smoother", "messageapi", "transtype", "linger", "ipttl", "iptos"},
}
"""Options allowed where no port may open, for protocols that an option of the address can make listen."""
_SRT_CALLER = ("srt", "mode", "caller")


def masked(url: str) -> str:
    """Return the address without its secrets: user, password, the last part of the path (the stream key) and the query."""
    scheme, found, rest = url.partition("://")
    if not found:
        return HIDDEN
    end = next(
        (place for place, letter in enumerate(rest) if letter in "?#" or not letter.isprintable() or letter == " "), None
    )
    address, tail = (rest, "") if end is None else (rest[:end], rest[end:])
    place, _, path = address.partition("/")
    if "@" in path or "@" in tail:
        # A password with a slash or question mark in it: its bounds are unknown.
        return f"{scheme}://{HIDDEN}"
    if "@" in place:
        place = f"{HIDDEN}@{place.rpartition('@')[2]}"
    *kept, key = path.rstrip("/").split("/")
    shown = "/".join((place, *kept, HIDDEN)) if key else place
    return f"{scheme}://{shown}" + (f"?{HIDDEN}" if tail else "")


def options_of(url: str) -> list[tuple[str, str]]:
    """Return the options of an address as FFmpeg reads them, names and values decoded.

    They begin at the first question mark in the address. FFmpeg 8 decodes percent signs in names, too.
    """
    pairs = (pair.partition("=") for pair in url.partition("?")[2].split("&"))
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def opens_port(url: str, *, receives: bool) -> bool:
    """Return whether this machine may listen on a port for the address. Unknown options count as opening one."""
    scheme = url.partition("://")[0].lower()
    if receives and scheme == "udp":
        return True
    options = [pair for pair in options_of(url) if pair[0]]
    harmless = _SAFE_OPTIONS.get(scheme)
    if harmless is None:
        # FFmpeg passes the options of these to the server, but mien itself reads `listen`.
        return any("listen" in name.lower() for name, _ in options)
    return any(pair[0] not in harmless and (scheme, *pair) != _SRT_CALLER for pair in options)
