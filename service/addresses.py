"""Which addresses our requests may go to: the public internet's, never this network's own."""

import errno
import ipaddress
import socket
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo: TypeAlias = tuple[
    int | socket.AddressFamily,
    int | socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Python's own list changes from release to release; these are not reachable whatever it says.
_SPECIAL = tuple(
    ipaddress.ip_network(written)
    for written in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' own
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "2001::/23",  # Teredo, ORCHID and other protocols' own
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)


class PrivateAddress(OSError):
    """An address that is not of the public internet. An OSError, so that it counts as one that cannot be reached."""

    def __init__(self, address: str) -> None:
        """Name the address."""
        super().__init__(errno.EACCES, f"{address} is not an address of the public internet")


def is_public(written: str) -> bool:
    """Whether an address is one of the public internet, and so is the one that it carries inside.

    IPv4-mapped (RFC 4291), NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses lead to the IPv4 address in them.

    Args:
        written: an IPv4 or IPv6 address, with or without a zone.
    """
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inside = _inside(address)
        if inside is not None:
            return is_public(str(inside))
        if address not in _GLOBAL_UNICAST:
            return False
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not address.is_reserved and not special


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def public_socket(info: AddressInfo) -> socket.socket:
    """Make a socket for a connection to a public address.

    aiohttp calls this with the very address that it connects to next, looked up or literal: a name that answers
    differently the second time (DNS rebinding) gains nothing.

    Raises:
        PrivateAddress: the address is not public, or no internet address at all.
    """
    family, kind, protocol, _, place = info
    host = str(place[0])
    if family not in {socket.AF_INET, socket.AF_INET6} or not is_public(host):
        raise PrivateAddress(host)
    return socket.socket(family, kind, protocol)
