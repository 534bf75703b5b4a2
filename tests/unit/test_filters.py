"""Filters of `search` become values of a known type; anything else is rejected with a remedy."""

import pytest

from console.answers.search import Filters, address_range, pattern
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
    asked = [Filters(action=text).parameters()["action"] for text in ("reject", "ACCEPT", "")]
    assert asked == ["REJECT", "ACCEPT", None]
    assert Filters(direction="Egress").parameters()["direction"] == "egress"
    assert (protocol_number("TCP"), protocol_number("58"), protocol_number("")) == (6, 58, None)
    assert protocol_number("0") == 0
    assert (protocol_name(17), protocol_name(200)) == ("udp", "200")
    ids = {"eni": "eni-0a1b", "instance": "i-0a", "subnet": "subnet-1", "vpc": "vpc-2"}
    assert ids.items() <= Filters(**ids).parameters().items()  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["256", "tpc", "-1"])
def test_what_is_not_a_protocol_is_rejected(text: str) -> None:
    with pytest.raises(FlowtrailError, match=repr(text)) as failure:
        protocol_number(text)
    assert failure.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("action", "drop", "accept or reject"),
        ("direction", "in", "ingress or egress"),
        ("eni", "web", "eni-0"),
        ("instance", "eni-1", "i-0"),
        ("instance", "i-1' OR 1", "i-0"),
        ("subnet", "10.0.0.0/24", "subnet-0"),
        ("vpc", "vpc-", "vpc-0"),
        *((name, "10.0.0.0/33", "198.51.100.0/24") for name in ("peer", "addr", "src", "dst")),
    ],
)
def test_other_words_are_rejected_with_a_remedy(name: str, text: str, remedy: str) -> None:
    with pytest.raises(FlowtrailError, match=repr(text)) as failure:
        Filters(**{name: text}).parameters()  # type: ignore[arg-type]
    assert remedy in failure.value.remedy


def test_only_the_asterisk_of_a_name_is_special() -> None:
    assert [pattern(text) for text in ("web", "web*", "a_b%c\\", "")] == ["web", "web%", "a\\_b\\%c\\\\", ""]
