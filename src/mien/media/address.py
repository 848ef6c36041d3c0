"""Addresses of streams, as they may be shown."""

HIDDEN = "***"


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
