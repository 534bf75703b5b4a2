"""Addresses and CIDRs as numbers. Text that is neither matches nothing, so that every question has an answer."""

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
    """The CIDR as AWS stores it: host bits cleared, IPv6 compressed. Other text, as prefix list ids, is unchanged."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return text


def address_text(text: str) -> str:
    """The address in its one spelling (IPv6 compressed); other text is unchanged."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def is_address(text: str) -> bool:
    return _address(text) is not None


def is_ipv6(text: str) -> bool:
    address = _address(text)
    return address is not None and address[0] == 6


def contains(cidr: str, address: str) -> bool:
    """Whether the address lies in the CIDR; IPv4 and IPv6 are apart."""
    return prefix_length(cidr, address) >= 0


def prefix_length(cidr: str, address: str) -> int:
    """The length of the prefix when the address lies in the CIDR, else -1."""
    network, number = _network(cidr), _address(address)
    if network is None or number is None or network[0] != number[0] or number[1] & network[2] != network[1]:
        return -1
    return network[3]
