"""The hot loop of enrichment, compiled by Numba, without the GIL."""

# ruff: noqa: PLR0917
# mypy: disable-error-code="no-untyped-def"

from pipelines.ingest.compiled import compiled

NOWHERE = -1
UNKNOWN, INGRESS, EGRESS = range(3)


@compiled
def locate(interface, start, source, target, first, begins, ends, first_address, addresses, period, direction):
    """Finds, for each row, the period of its interface that contains its start, and the direction of the flow.

    Rows: `interface` (int32, the number of the interface), `start` (int64, Unix seconds), `source` and `target`
    (addresses). An address is 16 bytes, IPv4 as `::ffff:a.b.c.d`, as two little-endian words: arrays (n, 2) of uint64.
    Periods of interface i, in time order: `first[i]` to `first[i + 1] - 1`. Period p is from `begins[p]` until before
    `ends[p]`, in Unix seconds, and has `addresses[first_address[p] : first_address[p + 1]]`. Indices and times: int64.
    Fills, per row, `period` (int64; the number of the period, or NOWHERE) and `direction` (int32): EGRESS if only the
    source is an address of the period, INGRESS if only the target is, otherwise UNKNOWN.
    """
    for row in range(interface.size):
        low, high = first[interface[row]], first[interface[row] + 1]
        while low < high:  # the first period that has not ended yet
            middle = (low + high) // 2
            if ends[middle] <= start[row]:
                low = middle + 1
            else:
                high = middle
        period[row], direction[row] = NOWHERE, UNKNOWN
        if low == first[interface[row] + 1] or start[row] < begins[low]:
            continue
        period[row] = low
        leaves = arrives = False
        for a in range(first_address[low], first_address[low + 1]):
            leaves |= addresses[a, 0] == source[row, 0] and addresses[a, 1] == source[row, 1]
            arrives |= addresses[a, 0] == target[row, 0] and addresses[a, 1] == target[row, 1]
        if leaves != arrives:
            direction[row] = EGRESS if leaves else INGRESS
