"""The value of every resource at every position between two boundaries in time."""

from bisect import bisect_right
from collections.abc import Iterator

from network.history.state import NOTHING, Key, State, Value

Entry = tuple[int, Value, str]
"""First position, the value from there on, and the eventID of the change that set it ("" for a snapshot)."""


class Values:
    """Entries per resource, in order of position; before its first entry a resource does not exist."""

    def __init__(self) -> None:
        self._entries: dict[Key, list[Entry]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def entries(self, key: Key) -> list[Entry]:
        return self._entries.get(key, [])

    def latest(self, key: Key) -> tuple[int, Value]:
        """The last entry's position and value."""
        entries = self.entries(key)
        return (entries[-1][0], entries[-1][1]) if entries else (0, NOTHING)

    def append(self, key: Key, position: int, value: Value, event_id: str) -> None:
        """Add a value from this position on; does nothing if it is unchanged."""
        if self.latest(key)[1] != value:
            self._entries.setdefault(key, []).append((position, value, event_id))

    def note(self, state: State, position: int, event_id: str) -> None:
        """Add what was touched in the state since the last call."""
        for key in state.take_touched():
            self.append(key, position, state.value(key), event_id)

    def at(self, key: Key, position: int) -> Value:
        entries = self.entries(key)
        index = bisect_right(entries, position, key=lambda entry: entry[0])
        return entries[index - 1][1] if index else NOTHING


class Backward:
    """Values found while moving back in time, put into the right order at the end."""

    def __init__(self, state: State) -> None:
        self._current = {key: state.value(key) for key in state}
        self._entries: dict[Key, list[Entry]] = {}

    def note(self, state: State, position: int, event_id: str) -> None:
        """Record what the event changed at `position`, after it was undone in the state: the values before the undo."""
        for key in state.take_touched():
            value, current = state.value(key), self._current.get(key, NOTHING)
            if value != current:
                self._entries.setdefault(key, []).append((position, current, event_id))
                self._current[key] = value

    def put_into(self, values: Values, keys: set[Key], begin: int) -> None:
        """Add everything from position `begin` on to `values`: for these keys, and for those that `values` lacks."""
        for key in self._current.keys() | self._entries.keys():
            if key in keys or key not in values:
                values.append(key, begin, self._current.get(key, NOTHING), "")
                for position, value, event_id in reversed(self._entries.get(key, [])):
                    values.append(key, position, value, event_id)
