"""The hot loop of enrichment, compiled by Numba, without the GIL."""

# ruff: noqa: PLR0917
# mypy: disable-error-code="no-untyped-def"

from pipelines.ingest.compiled import compiled

NOWHERE = -1
UNKNOWN, INGRESS, EGRESS = range(3)


@compiled
def locate(interface, start, source, target, first, begins, ends, first_address, addresses, period, direction):
    """For each row the period of its interface that holds its start, and which of its ends is the interface's.

    Periods of interface i are `first[i]` up to `first[i + 1]`, in time order, from `begins` up to before `ends`; the
    addresses of period p are `first_address[p]` up to `first_address[p + 1]`. An address is a row of two words.
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
