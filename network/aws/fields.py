"""AWS JSON objects, read by member name whatever their style: that of `describe-*` output or one of CloudTrail's two.

CloudTrail writes old operations with lowerCamelCase names and `{"items": [...]}` lists; new ones in an `<Op>Request`
wrapper with PascalCase names, lists of one element without a list, `{"item": ...}` sets, `tag` numbers and
`{"tag": 1, "content": value}` scalars. Some members of the service model have no XML name, so names are matched
case-insensitively.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def unwrap(value: Any) -> Any:
    """Remove the single PascalCase wrapper of a new-style request or response; return anything else unchanged."""
    if isinstance(value, Mapping) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if isinstance(name, str) and name[:1].isupper() and isinstance(inner, Mapping):
            return inner
    return value


def as_list(value: Any) -> list[Any]:
    """The elements of a list in any style.

    >>> as_list({"items": [{"a": 1}, {"a": 2}]}), as_list("a")
    ([{'a': 1}, {'a': 2}], ['a'])
    """
    if value is None or value in ("", {}):
        return []
    if isinstance(value, Mapping):
        for name in ("items", "item"):
            if set(value) == {name}:
                return as_list(value[name])
    elements = value if isinstance(value, list) else [value]
    return [_content(element) for element in elements]


def _content(value: Any) -> Any:
    if isinstance(value, Mapping) and "content" in value and set(value) <= {"tag", "content"}:
        return value["content"]
    return value


class Fields:
    """An object's members by name, ignoring case. Anything that is not an object has no members."""

    def __init__(self, value: Any) -> None:
        members = value.items() if isinstance(value, Mapping) else ()
        self._members = {str(name).lower(): member for name, member in members}

    def __bool__(self) -> bool:
        return bool(self._members)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._members

    def value(self, name: str) -> Any:
        """The member, None when absent or when it is an unset structure (`{}`)."""
        found = _content(self._members.get(name.lower()))
        return None if found == {} else found

    def text(self, *names: str) -> str:
        """The first of these members that holds text or a number, as text; "" when none does."""
        for name in names:
            found = self.value(name)
            if isinstance(found, str | int | float) and not isinstance(found, bool) and found != "":
                return str(found)
        return ""

    def number(self, name: str) -> int | None:
        """A whole number, None when absent or something else."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def flag(self, name: str) -> bool:
        """True for `true` and "true"."""
        return str(self.value(name)).lower() == "true"

    def fields(self, name: str) -> "Fields":
        return Fields(self.value(name))

    def list(self, name: str) -> list[Any]:
        return as_list(self._members.get(name.lower()))

    def each(self, name: str) -> Iterator["Fields"]:
        """The objects of a list."""
        return (Fields(element) for element in self.list(name))
