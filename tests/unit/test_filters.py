"""Filters of `search` become values of a known type; anything else is rejected with a remedy."""

import pytest

from console.answers.search import action, address_range, interface
from schemas.errors import FlowtrailError
from schemas.protocols import protocol_name, protocol_number


def test_an_address_is_a_range_of_one_and_a_cidr_a_range_of_many() -> None:
    assert address_range("198.51.100.7") == ("::ffff:198.51.100.7", "::ffff:198.51.100.7")
    assert address_range("198.51.100.7/24") == ("::ffff:198.51.100.0", "::ffff:198.51.100.255")
    assert address_range("2001:db8::/127") == ("2001:db8::", "2001:db8::1")
    assert address_range("") is None


@pytest.mark.parametrize("text", ["x", "1.2.3", "1.2.3.4/33", "1.2.3.4' OR 1=1", "::g"])
def test_anything_that_is_not_an_address_is_rejected(text: str) -> None:
    with pytest.raises(FlowtrailError, match="neither an address nor a CIDR") as failure:
        address_range(text)
    assert "198.51.100.0/24" in failure.value.remedy


def test_actions_and_protocols_by_name() -> None:
    assert (action("reject"), action("ACCEPT"), action("")) == ("REJECT", "ACCEPT", "")
    assert (protocol_number("TCP"), protocol_number("58"), protocol_number("")) == (6, 58, None)
    assert protocol_number("0") == 0
    assert (protocol_name(17), protocol_name(200)) == ("udp", "200")
    assert interface("eni-0a1b") == "eni-0a1b"


@pytest.mark.parametrize(
    ("parse", "text"),
    [(action, "drop"), (protocol_number, "256"), (protocol_number, "tpc"), (protocol_number, "-1"), (interface, "web")],
)
def test_other_words_are_rejected_with_a_remedy(parse: object, text: str) -> None:
    with pytest.raises(FlowtrailError, match=repr(text)) as failure:
        parse(text)  # type: ignore[operator]
    assert failure.value.remedy
