"""Addresses and CIDRs as numbers. Text that is neither matches nothing, so no function here fails."""

from functools import lru_cache
from ipaddress import ip_address, ip_network


@lru_cache(maxsize=65536)
def _address(text: str) -> tuple[int, int] | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)


@lru_cache(maxsize=65536)
def _network(text: str) -> tuple[int, int, int, int] | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.netmask), network.prefixlen


def canonical(text: str) -> str:
    """The CIDR as AWS stores it: host bits cleared, IPv6 compressed. Other text (a prefix list id) is unchanged.

    >>> canonical("10.0.1.7/24"), canonical("2001:DB8:0:0::/32"), canonical("pl-1")
    ('10.0.1.0/24', '2001:db8::/32', 'pl-1')
    """
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return text


def address_text(text: str) -> str:
    """The address in canonical form (IPv6 compressed); other text is unchanged."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def is_address(text: str) -> bool:
    return _address(text) is not None


def is_ipv6(text: str) -> bool:
    address = _address(text)
    return address is not None and address[0] == 6


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
"""IPv4 addresses that no gateway carries to the internet (RFC 1918, 6598 and 3927)."""


def is_public(address: str) -> bool:
    """Whether this is an IPv4 address of the internet. What has an IPv6 address in a VPC has a global one, so that the
    address does not tell where it is.

    >>> is_public("203.0.113.7"), is_public("10.0.0.7"), is_public("2001:db8::7")
    (True, False, False)
    """
    return is_address(address) and not is_ipv6(address) and not any(contains(cidr, address) for cidr in PRIVATE)


def contains(cidr: str, address: str) -> bool:
    """Whether the CIDR contains the address; IPv4 and IPv6 never match each other."""
    return prefix_length(cidr, address) >= 0


def prefix_length(cidr: str, address: str) -> int:
    """The prefix length of the CIDR if it contains the address, else -1.

    >>> [prefix_length(cidr, "10.0.1.7") for cidr in ("10.0.0.0/16", "0.0.0.0/0", "10.9.0.0/16", "::/0")]
    [16, 0, -1, -1]
    """
    network, number = _network(cidr), _address(address)
    if network is None or number is None or network[0] != number[0] or number[1] & network[2] != network[1]:
        return -1
    return network[3]
