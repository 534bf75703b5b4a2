"""The hot loop: one pass over the bytes of a text flow log, compiled by Numba, without the GIL.

`scan` reads lines into a `blocks.Block` until that is full, and can go on where it stopped. A good line costs one
visit to each of its bytes. A line that cannot be understood is noted by place and fault; only then `line_fault`
looks at it again, so that the reason does not depend on the order of the fields. Texts become codes of a
`blocks.Words` table, which holds their places in the buffer and no copies.

What the rules are is said in `parse.py`; `tests/reference_parser.py` says the same slowly. All compiled code that
calls each other stays in this one file: Numba's cache on disk only sees changes of the file of the caller.
"""

import numpy as np

from pipelines.ingest.compiled import compiled

NUMBER, TIME, ADDRESS, TEXT, ACTION, STATUS = range(6)
"""Kinds of fields."""

ACTIONS = ("", "ACCEPT", "REJECT")
STATUSES = ("", "OK", "NODATA", "SKIPDATA")
"""Texts of the codes that an ACTION and a STATUS field get."""

FINE, LINE_TOO_LONG, CONTROL_BYTES, NOT_UTF8, TOKEN_COUNT, NO_TIME = range(6)
BAD_NUMBER, OUT_OF_RANGE, BAD_ADDRESS, BAD_ACTION, BAD_STATUS = range(6, 11)
"""Faults of a line. `Block.fault` holds fault * 65536 + number of the field."""

MAX_LINE = 64 << 10
MILLISECONDS_FROM = 10**11
"""A time above this is in milliseconds: as seconds it would be the year 5138."""

_SPACE, _NEWLINE, _RETURN, _DASH, _DOT, _COLON = 32, 10, 13, 45, 46, 58
_ZERO, _NINE, _TEN = np.uint64(48), np.uint64(9), np.uint64(10)
_MOST_TENTH = np.uint64((2**64 - 1) // 10)
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MAPPED = np.uint64(0xFFFF0000)
"""The second half of `::ffff:0.0.0.0`, as a little-endian word."""


@compiled
def ends(buf, p):  # type: ignore[no-untyped-def]
    """Whether a token ends before byte `p`: at a space or at the end of the line."""
    c = buf[p]
    return c == _SPACE or c == _NEWLINE or (c == _RETURN and buf[p + 1] == _NEWLINE)


@compiled
def utf8_length(buf, p, stop):  # type: ignore[no-untyped-def]
    """Bytes of the UTF-8 character at `p`, 0 when there is none (RFC 3629: no surrogates, no overlong forms)."""
    c = buf[p]
    if c < 0x80:
        return 1
    if c < 0xC2 or c > 0xF4:
        return 0
    size = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
    if p + size > stop:
        return 0
    low, high = 0x80, 0xBF
    if c == 0xE0:
        low = 0xA0
    elif c == 0xED:
        high = 0x9F
    elif c == 0xF0:
        low = 0x90
    elif c == 0xF4:
        high = 0x8F
    if buf[p + 1] < low or buf[p + 1] > high:
        return 0
    for i in range(p + 2, p + size):
        if buf[i] & 0xC0 != 0x80:
            return 0
    return size


@compiled
def line_fault(buf, start, stop, fields):  # type: ignore[no-untyped-def]
    """What is wrong with a line as a whole, before any field is looked at."""
    if stop - start > MAX_LINE:
        return LINE_TOO_LONG
    tokens, before = 0, _SPACE
    for p in range(start, stop):
        c = buf[p]
        if c < _SPACE or c == 127:
            return CONTROL_BYTES
        if before == _SPACE and c != _SPACE:
            tokens += 1
        before = c
    p = start
    while p < stop:
        size = utf8_length(buf, p, stop)
        if size == 0:
            return NOT_UTF8
        p += size
    return FINE if tokens == fields else TOKEN_COUNT


@compiled
def is_header(buf, p, header):  # type: ignore[no-untyped-def]
    """Whether the line whose first token begins at `p` has just the header's tokens."""
    for h in range(header.size):
        if header[h] == _SPACE:
            if buf[p] != _SPACE:
                return False
            while buf[p] == _SPACE:
                p += 1
        elif buf[p] != header[h]:
            return False
        else:
            p += 1
    while buf[p] == _SPACE:
        p += 1
    return ends(buf, p)


@compiled
def number(buf, p):  # type: ignore[no-untyped-def]
    """The digits at `p`: value, whether 64 bits cannot hold it, and where they end."""
    start, value = p, np.uint64(0)
    digit = np.uint64(buf[p]) - _ZERO
    while digit <= _NINE:
        value = value * _TEN + digit
        p += 1
        digit = np.uint64(buf[p]) - _ZERO
    return value, p - start > 19 and overflows(buf, start, p), p


@compiled
def overflows(buf, start, stop):  # type: ignore[no-untyped-def]
    value = np.uint64(0)
    for p in range(start, stop):
        digit = np.uint64(buf[p]) - _ZERO
        if value > _MOST_TENTH or (value == _MOST_TENTH and digit > 5):
            return True
        value = value * _TEN + digit
    return False


@compiled
def octets(buf, p):  # type: ignore[no-untyped-def]
    """A dotted IPv4 address at `p`, the first octet in the lowest byte; and where it ends, -1 when there is none.
    An octet has no leading zero: some read those as octal."""
    packed = np.uint64(0)
    for i in range(4):
        if i:
            if buf[p] != _DOT:
                return packed, -1
            p += 1
        start, value = p, np.uint64(0)
        digit = np.uint64(buf[p]) - _ZERO
        while digit <= _NINE and p - start < 3:
            value = value * _TEN + digit
            p += 1
            digit = np.uint64(buf[p]) - _ZERO
        if p == start or value > 255 or (p - start > 1 and buf[start] == _ZERO):
            return packed, -1
        packed |= value << np.uint64(8 * i)
    return packed, p


@compiled
def ipv6(buf, p, out, row, at):  # type: ignore[no-untyped-def]
    """Writes the IPv6 address at `p` (RFC 4291, also with a dotted tail) to `out[row, at]`, 16 bytes.
    Returns where it ends, -1 when there is none."""
    n, gap = 0, -1
    if buf[p] == _COLON:
        if buf[p + 1] != _COLON:
            return -1
        gap = 0
        p += 2
    while not ends(buf, p):
        start, value = p, 0
        digit = hex_digit(buf[p])
        while digit >= 0 and p - start < 4:
            value = value * 16 + digit
            p += 1
            digit = hex_digit(buf[p])
        if p == start or n == 16:
            return -1
        if buf[p] == _DOT:
            packed, p = octets(buf, start)
            if p < 0 or n > 12 or not ends(buf, p):
                return -1
            for i in range(4):
                out[row, at, n + i] = (packed >> np.uint64(8 * i)) & np.uint64(255)
            n += 4
            break
        out[row, at, n], out[row, at, n + 1] = value >> 8, value & 255
        n += 2
        if buf[p] != _COLON:
            break
        p += 1
        if buf[p] == _COLON:
            if gap >= 0:
                return -1
            gap = n
            p += 1
        elif ends(buf, p):
            return -1
    if n > (16 if gap < 0 else 14) or (gap < 0 and n < 16):
        return -1
    if gap >= 0:
        for i in range(1, n - gap + 1):
            out[row, at, 16 - i] = out[row, at, n - i]
        for i in range(gap, 16 - n + gap):
            out[row, at, i] = 0
    return p


@compiled
def hex_digit(c):  # type: ignore[no-untyped-def]
    if 48 <= c <= 57:
        return np.int64(c) - 48
    lower = c | 32
    return np.int64(lower) - 87 if 97 <= lower <= 102 else np.int64(-1)


@compiled
def word(buf, start, stop, key, column, words):  # type: ignore[no-untyped-def]
    """The index in `words` of a text; a new one is added. `key` is its hash."""
    mask = words.slot.size - 1
    i = np.int64(key & np.uint64(mask))
    while True:
        w = words.slot[i]
        if w < 0:
            break
        if words.hash[w] == key and words.column[w] == column and same(buf, start, stop, words.start[w], words.stop[w]):
            return w
        i = (i + 1) & mask
    w = np.int32(words.size[0])
    words.slot[i] = w
    words.size[0] += 1
    words.per_column[column] += 1
    words.hash[w], words.start[w], words.stop[w] = key, start, stop
    words.column[w], words.code[w] = column, words.per_column[column]
    return w


@compiled
def same(buf, start, stop, other, other_stop):  # type: ignore[no-untyped-def]
    if stop - start != other_stop - other:
        return False
    for i in range(stop - start):
        if buf[start + i] != buf[other + i]:
            return False
    return True


@compiled
def forget(words, size):  # type: ignore[no-untyped-def]
    """Takes back the words that a bad line added, the newest first, so that no probe chain is broken."""
    mask = words.slot.size - 1
    while words.size[0] > size:
        words.size[0] -= 1
        w = words.size[0]
        i = np.int64(words.hash[w] & np.uint64(mask))
        while words.slot[i] != w:
            i = (i + 1) & mask
        words.slot[i] = -1
        column = words.column[w]
        words.per_column[column] -= 1
        if words.last[column] == w:
            words.last[column] = -1


@compiled
def literal(buf, p, text):  # type: ignore[no-untyped-def]
    """Whether the token at `p` is `text`."""
    for i in range(text.size):
        if buf[p + i] != text[i]:
            return False
    return ends(buf, p + text.size)


_ACCEPT = np.frombuffer(b"ACCEPT", np.uint8)
_REJECT = np.frombuffer(b"REJECT", np.uint8)
_OK = np.frombuffer(b"OK", np.uint8)
_NODATA = np.frombuffer(b"NODATA", np.uint8)
_SKIPDATA = np.frombuffer(b"SKIPDATA", np.uint8)
_BACKSLASH, _X = 92, 120
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@compiled
def scan(buf, at, line, layout, words, block):  # type: ignore[no-untyped-def]
    """Reads lines from byte `at`, which begins line number `line`; `buf` must end with a newline.

    Stops at the end of `buf`, when the block is full, or when `words` might not hold the next line's texts.
    Returns where and at which line to go on, and the number of good and bad lines in the block.
    """
    fields = layout.kind.size
    rows = faults = 0
    while at < buf.size and rows < block.line.size and faults < block.line.size:
        if words.size[0] + fields > words.code.size:
            break
        p = at
        while buf[p] == _SPACE:
            p += 1
        if ends(buf, p):  # a blank line
            at = p + 1 if buf[p] == _NEWLINE else p + 2
            line += 1
            continue
        if buf[p] == layout.header[0] and is_header(buf, p, layout.header):
            while buf[p] != _NEWLINE:
                p += 1
            at = p + 1
            line += 1
            continue
        known = words.size[0]
        fault, field, wide, measured = FINE, 0, False, layout.decided[0]
        block.status[rows] = 1
        block.action[rows] = 0
        while field < fields:
            while buf[p] == _SPACE:
                p += 1
            kind, row = layout.kind[field], layout.row[field]
            null = buf[p] == _DASH and ends(buf, p + 1)
            if null:
                p += 1
            else:
                measured = measured or layout.measured[field]
            if kind == TEXT:
                if null:
                    block.codes[row, rows] = 0
                else:
                    start = p
                    w = words.last[row]
                    if w >= 0:  # mostly the same text as in the line before
                        q, stop = words.start[w], words.stop[w]
                        while q < stop and buf[q] == buf[p]:
                            q += 1
                            p += 1
                        if q < stop or not ends(buf, p):
                            w = -1
                            p = start
                    if w < 0:
                        key = np.uint64(row)
                        c = buf[p]
                        while c > _SPACE and c != 127:
                            wide = wide or c > 127
                            key = (key ^ np.uint64(c)) * _PRIME
                            p += 1
                            c = buf[p]
                        if p == start or not ends(buf, p):
                            fault = TOKEN_COUNT
                            break
                        w = word(buf, start, p, key ^ (key >> np.uint64(29)), row, words)
                        words.last[row] = w
                    block.codes[row, rows] = words.code[w]
            elif kind == NUMBER or kind == TIME:
                start = p
                value, over = np.uint64(0), False
                if not null:
                    value, over, p = number(buf, p)
                    if p == start or not ends(buf, p):
                        fault = BAD_NUMBER
                        break
                elif kind == TIME:
                    fault = NO_TIME
                    break
                if kind == TIME and value > MILLISECONDS_FROM:
                    value //= np.uint64(1000)
                if over or value > layout.limit[field]:
                    fault = OUT_OF_RANGE
                    break
                block.numbers[row, rows] = value
                block.has_number[row, rows] = not null
            elif kind == ADDRESS:
                block.has_address[row, rows] = not null
                if null:
                    block.addresses[row, rows, 0] = block.addresses[row, rows, 1] = 0
                else:
                    packed, q = octets(buf, p)
                    if q < 0:
                        q = ipv6(buf, p, block.address_bytes, row, rows)
                    else:
                        block.addresses[row, rows, 0] = 0
                        block.addresses[row, rows, 1] = _MAPPED | packed << np.uint64(32)
                    if q < 0 or not ends(buf, q):
                        fault = BAD_ADDRESS
                        break
                    p = q
            elif kind == ACTION:
                if not null:
                    if literal(buf, p, _ACCEPT):
                        block.action[rows] = 1
                    elif literal(buf, p, _REJECT):
                        block.action[rows] = 2
                    else:
                        fault = BAD_ACTION
                        break
                    p += 6
            elif literal(buf, p, _OK):
                p += 2
            elif literal(buf, p, _NODATA):
                block.status[rows] = 2
                p += 6
            elif literal(buf, p, _SKIPDATA):
                block.status[rows] = 3
                p += 8
            else:
                fault = BAD_STATUS
                break
            field += 1
        while buf[p] == _SPACE:
            p += 1
        if fault == FINE and not ends(buf, p):
            fault = TOKEN_COUNT
        while buf[p] != _NEWLINE:
            p += 1
        stop = p - 1 if p > at and buf[p - 1] == _RETURN else p
        if fault != FINE or wide or stop - at > MAX_LINE:
            whole = line_fault(buf, at, stop, fields)
            fault = fault if whole == FINE else whole
        if fault == FINE:
            if not measured:
                block.status[rows] = 0
            block.line[rows] = line
            rows += 1
        else:
            forget(words, known)
            block.fault[faults] = fault * 65536 + field
            block.fault_start[faults], block.fault_stop[faults] = at, stop
            block.fault_line[faults] = line
            faults += 1
        at = p + 1
        line += 1
    return at, line, rows, faults


@compiled
def gather(buf, starts, stops, cap):  # type: ignore[no-untyped-def]
    """The pieces of `buf` as Arrow string data and offsets: at most `cap` bytes of each, and bytes that are no UTF-8
    written as `\\xNN`."""
    offsets = np.zeros(starts.size + 1, np.int32)
    for i in range(starts.size):
        p, stop, length = starts[i], min(stops[i], starts[i] + cap), 0
        while p < stop:
            size = utf8_length(buf, p, stop)
            length += size if size else 4
            p += max(size, 1)
        offsets[i + 1] = offsets[i] + length
    data = np.empty(offsets[starts.size], np.uint8)
    for i in range(starts.size):
        p, n = starts[i], offsets[i]
        while n < offsets[i + 1]:
            size = utf8_length(buf, p, min(stops[i], starts[i] + cap))
            if size == 0:
                data[n], data[n + 1] = _BACKSLASH, _X
                data[n + 2], data[n + 3] = _HEX[buf[p] >> 4], _HEX[buf[p] & 15]
                n += 4
                p += 1
            for _ in range(size):
                data[n] = buf[p]
                n += 1
                p += 1
    return data, offsets


@compiled
def rehash(words, slot):  # type: ignore[no-untyped-def]
    """Fills a larger, empty (-1) slot table with the words."""
    mask = slot.size - 1
    for w in range(words.size[0]):
        i = np.int64(words.hash[w] & np.uint64(mask))
        while slot[i] >= 0:
            i = (i + 1) & mask
        slot[i] = w
