"""Network addresses: those that count as one client, and their form in a URL."""

import ipaddress

LOOPBACK = "this machine"
_IPV6_PREFIX = 64
"""Bits. A single host usually gets a whole /64, so a limit for each IPv6 address would have no effect."""


def network_of(address: str) -> str:
    """Return the part of an address that its owner cannot vary: all of IPv4, a /64 of IPv6, one word for this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        # An IPv4 client of a socket that serves both.
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return LOOPBACK
    if isinstance(found, ipaddress.IPv6Address):
        # The zone of a link-local address is not part of its network.
        return str(ipaddress.IPv6Network((int(found), _IPV6_PREFIX), strict=False))
    return str(found)


def is_loopback(address: str) -> bool:
    """Return True for an address that only this machine reaches."""
    return network_of(address) == LOOPBACK


def is_unspecified(address: str) -> bool:
    """Return True for 0.0.0.0 and ::, which stand for all addresses of this machine."""
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


def in_url(address: str) -> str:
    """Return the address as a URL holds it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
