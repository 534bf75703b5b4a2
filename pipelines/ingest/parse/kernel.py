"""The hot loops over the bytes of a text flow log, compiled by Numba, without the GIL.

`split` finds the tokens of a block of lines. Then each field is read for all these lines at once by `numbers`,
`addresses`, `choices` or `texts`. A line that cannot be parsed keeps the first fault that was found; texts are read
last, and only of good lines. The rules are in `flow_log.py`; `tests/reference_parser.py` is a slow implementation.

A buffer continues for PADDING bytes after the last token: the loops load several bytes at once, without checking that
they belong to the token. Positions are unsigned, because Numba then omits the handling of negative indices, which saves
half the time. Functions that call each other are all in this file: Numba's cache on disk only notices changes in the
caller's file.
"""

# Loops are written out, and arguments are plain arrays, because that compiles well.
# ruff: noqa: PLR0912, PLR0917
# mypy: disable-error-code="no-untyped-def, assignment, call-arg"

import numpy as np

from pipelines.ingest.compiled import compiled
from pipelines.ingest.parse.bits import trailing_zeros

FINE, LINE_TOO_LONG, CONTROL_BYTES, NOT_UTF8, TOKEN_COUNT = range(5)
NO_TIME, BAD_NUMBER, OUT_OF_RANGE, BAD_ADDRESS, BAD_ACTION, BAD_STATUS, TIME_OUT_OF_RANGE = range(5, 12)
"""Faults. The fault of a line is one of these, plus 65536 times the number of the field."""

MAX_LINE = 64 << 10
PADDING = 24
MILLISECONDS_FROM = 10**11
"""A time above this is in milliseconds: as seconds it would be in the year 5138."""

_SPACE, _NEWLINE, _RETURN, _DASH, _DOT, _COLON, _DELETE = 32, 10, 13, 45, 46, 58, 127
_BACKSLASH, _X = 92, 120
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_NONE, _ONE, _TWO, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(8)
_ZERO, _NINE, _TEN = np.uint64(48), np.uint64(9), np.uint64(10)
_MOST_TENTH = np.uint64((2**64 - 1) // 10)
_THOUSAND, _MILLISECONDS_FROM = np.uint64(1000), np.uint64(MILLISECONDS_FROM)
_SEVEN, _LAST = np.uint64(7), np.uint64(56)
_EACH = np.uint64(0x0101010101010101)
_LOW, _HIGH = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)
_ABOVE_SPACE = np.uint64(0x5F5F5F5F5F5F5F5F)
"""Added to the lower seven bits of each byte: this sets the eighth bit in those that are above a space."""
_SIXTEEN, _WORD, _EIGHT_DIGITS = np.uint64(16), np.uint64(64), np.uint64(10**8)
_DIGITS, _OVER_NINE = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_NIBBLES, _BYTES, _HALVES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_PAIR, _FOUR, _ALL = np.uint64(10 << 8 | 1), np.uint64(100 << 16 | 1), np.uint64(10_000 << 32 | 1)
_PRIME, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_MAPPED = np.uint64(0xFFFF0000)
"""The second half of `::ffff:0.0.0.0`, as a little-endian word."""


@compiled
def split(buf, at, size, line, begins, log, header, tokens, lines, logs, fault, found):
    """Finds the tokens of the lines from byte `at` up to byte `size`, which follows a newline. The first line is number
    `line`. `found` (uint32) is scratch space for positions.

    Several logs may follow each other: `begins` (uint64) are the positions where they begin, and one at the end that is
    never reached; `log` is how many of them are before `at`. The lines of each log are counted from 1.
    Fills, per record, `tokens[0, field]` and `tokens[1, field]` (start and stop; int32), `lines` (number, start and
    stop; int64), `logs` (the number of the log, from 0; int32) and `fault` (int32). Blank lines and lines with exactly
    the tokens of `header` are not records.
    Stops when `fault` is full or at `size`. Returns the byte, the line and the log to continue at, and the number of
    records.
    """
    fields, rows, capacity = np.uint64(tokens.shape[1]), _NONE, np.uint64(fault.size)
    p, end = np.uint64(at), np.uint64(size)
    start, begin, count, wide, control = p, p, _NONE, False, False
    while begin >= begins[log]:
        log += 1
        line = 1
    while p < end:
        p, hits = delimiters(buf, p, end, found)
        for n in range(hits):
            here = np.uint64(found[np.uint64(n)])
            c = buf[here]
            if c == _SPACE:
                if here > start:
                    if count < fields:
                        tokens[0, count, rows], tokens[1, count, rows] = start, here
                    count += _ONE
                start = here + _ONE
            elif c == _NEWLINE:
                stop = here - _ONE if here > begin and buf[here - _ONE] == _RETURN else here
                if stop > start:
                    if count < fields:
                        tokens[0, count, rows], tokens[1, count, rows] = start, stop
                    count += _ONE
                if count and not (count == fields and is_header(buf, header, tokens, rows)):
                    lines[0, rows], lines[1, rows], lines[2, rows] = line, begin, stop
                    logs[rows] = log - 1
                    if stop - begin > MAX_LINE:
                        fault[rows] = LINE_TOO_LONG
                    elif control:
                        fault[rows] = CONTROL_BYTES
                    elif wide and not is_utf8(buf, begin, stop):
                        fault[rows] = NOT_UTF8
                    else:
                        fault[rows] = FINE if count == fields else TOKEN_COUNT
                    rows += _ONE
                start, begin, count, wide, control = here + _ONE, here + _ONE, _NONE, False, False
                line += 1
                while begin >= begins[log]:
                    log += 1
                    line = 1
                if rows == capacity:
                    return np.int64(begin), line, log, np.int64(rows)
            elif not (c == _RETURN and buf[here + _ONE] == _NEWLINE):
                wide = wide or c > _DELETE
                control = control or c <= _DELETE
    return np.int64(begin), line, log, np.int64(rows)


@compiled
def delimiters(buf, p, end, found):
    """Writes to `found` the positions of bytes that are a space, a control byte or not ASCII, from `p` on, until it is
    full. Returns the position to continue at, and the number of those found. Eight bytes are examined at once, and at
    least four positions are written for them, since an unpredictable branch costs more than a useless write."""
    n, limit = np.uint64(0), np.uint64(found.size) - _EIGHT
    while p < end and n < limit:
        word = eight(buf, p)
        low = word & _LOW
        mask = (~(low + _ABOVE_SPACE) | word | (low + _EACH)) & _HIGH
        if p + _EIGHT > end:
            mask &= (_ONE << ((end - p) * _EIGHT)) - _ONE
        hits = ((mask >> _SEVEN) * _EACH) >> _LAST
        i = n
        for _ in range(4):
            found[i] = p + trailing_zeros(mask) // _EIGHT
            mask &= mask - _ONE
            i += _ONE
        while mask:
            found[i] = p + trailing_zeros(mask) // _EIGHT
            mask &= mask - _ONE
            i += _ONE
        n += hits
        p += _EIGHT
    return p, n


@compiled
def is_header(buf, header, tokens, row):
    """Whether a line has exactly the tokens of `header`, which are separated by single spaces."""
    h = 0
    for field in range(tokens.shape[1]):
        for p in range(tokens[0, field, row], tokens[1, field, row]):
            if h == header.size or buf[p] != header[h]:
                return False
            h += 1
        if h < header.size and header[h] != _SPACE:
            return False
        h += 1
    return True


@compiled
def utf8_length(buf, p, stop):
    """Bytes of the UTF-8 character at `p`; 0 if there is none (RFC 3629: no surrogates, no overlong forms)."""
    c = buf[p]
    if c < 0x80:
        return 1
    if c < 0xC2 or c > 0xF4:
        return 0
    size = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
    if p + size > stop:
        return 0
    low = 0xA0 if c == 0xE0 else 0x90 if c == 0xF0 else 0x80
    high = 0x9F if c == 0xED else 0x8F if c == 0xF4 else 0xBF
    if buf[p + 1] < low or buf[p + 1] > high:
        return 0
    for i in range(p + 2, p + size):
        if buf[i] & 0xC0 != 0x80:
            return 0
    return size


@compiled
def is_utf8(buf, start, stop):
    p, end = np.int64(start), np.int64(stop)
    while p < end:
        size = utf8_length(buf, p, end)
        if size == 0:
            return False
        p += size
    return True


@compiled
def spaced(buf, starts, stops, out):
    """Copies texts to `out` with a space after each, as the other loops require, and updates their positions."""
    n = 0
    for i in range(starts.size):
        first = n
        for p in range(starts[i], stops[i]):
            out[n] = buf[p]
            n += 1
        starts[i], stops[i] = first, n
        out[n] = _SPACE
        n += 1


@compiled
def clean(buf, starts, stops, faults):
    """Sets the fault of each text that does not depend on its field: CONTROL_BYTES, NOT_UTF8 or FINE."""
    for i in range(starts.size):
        control = False
        for p in range(np.uint64(starts[i]), np.uint64(stops[i])):
            control = control or buf[p] < _SPACE or buf[p] == _DELETE
        if control:
            faults[i] = CONTROL_BYTES
        else:
            faults[i] = FINE if is_utf8(buf, starts[i], stops[i]) else NOT_UTF8


@compiled
def is_null(buf, start, stop):
    return stop - start == _ONE and buf[start] == _DASH


@compiled
def numbers(buf, starts, stops, rows, limit, time, field, values, valid, fault):
    """Reads digits as uint64. Nulls get the value 0. `time`: a null is a fault, and milliseconds become seconds. Faults
    are NO_TIME, BAD_NUMBER and, above `limit`, OUT_OF_RANGE."""
    for row in range(rows):
        if fault[row]:
            continue
        start, stop, value, good = np.uint64(starts[row]), np.uint64(stops[row]), np.uint64(0), True
        if is_null(buf, start, stop):
            values[row], valid[row] = value, False
            if time:
                fault[row] = field << 16 | NO_TIME
            continue
        if stop - start <= _EIGHT:
            value, good = digits(eight(buf, start), stop - start)
        elif stop - start <= _SIXTEEN:
            value, good = digits(eight(buf, start), stop - start - _EIGHT)
            more, fine = digits(eight(buf, stop - _EIGHT), _EIGHT)
            value, good = value * _EIGHT_DIGITS + more, good and fine
        else:
            for p in range(start, stop):
                digit = np.uint64(buf[p]) - _ZERO
                good = good and digit <= _NINE
                value = value * _TEN + digit
        if time and value > _MILLISECONDS_FROM:
            value //= _THOUSAND
        values[row], valid[row] = value, True
        if not good:
            fault[row] = field << 16 | BAD_NUMBER
        elif value > limit or (stop - start > 19 and overflows(buf, start, stop)):
            fault[row] = field << 16 | OUT_OF_RANGE


@compiled
def digits(word, count):
    """The number whose digits are the first `count` bytes of a word, 1 to 8, and whether all are digits. Digits become
    pairs, pairs become fours, and fours become eight, with three multiplications."""
    word = (word ^ _DIGITS) << (_WORD - count * _EIGHT)  # fills up with leading zeros
    good = ((word + _OVER_NINE) | word) & _HIGH == 0
    word = ((word & _NIBBLES) * _PAIR) >> _EIGHT
    word = ((word & _BYTES) * _FOUR) >> _SIXTEEN
    return ((word & _HALVES) * _ALL) >> _HALF, good


@compiled
def integers(given, negative, rows, limit, time, field, values, valid, fault):
    """As `numbers`, for values that are already numbers: `values` is updated in place."""
    for row in range(rows):
        if fault[row]:
            continue
        value = values[row]
        valid[row] = given[row]
        if not given[row]:
            values[row] = np.uint64(0)
            if time:
                fault[row] = field << 16 | NO_TIME
        elif negative[row]:
            fault[row] = field << 16 | BAD_NUMBER
        else:
            if time and value > _MILLISECONDS_FROM:
                value //= _THOUSAND
            values[row] = value
            if value > limit:
                fault[row] = field << 16 | OUT_OF_RANGE


@compiled
def times_within(starts, ends, lows, lengths, logs, rows, fault):
    """Sets the fault TIME_OUT_OF_RANGE where a record starts or ends outside of the period of its log, which is from
    `lows` on, and `lengths` seconds long. A time before it becomes a very large number, so one comparison is enough."""
    for row in range(rows):
        log = np.uint64(logs[row])
        low, length = lows[log], lengths[log]
        if ((starts[row] - low > length) | (ends[row] - low > length)) and fault[row] == FINE:
            fault[row] = TIME_OUT_OF_RANGE


@compiled
def overflows(buf, start, stop):
    """Whether a number needs more than 64 bits, not counting leading zeros."""
    value = np.uint64(0)
    for p in range(start, stop):
        digit = np.uint64(buf[p]) - _ZERO
        if value > _MOST_TENTH or (value == _MOST_TENTH and digit > 5):
            return True
        value = value * _TEN + digit
    return False


@compiled
def addresses(buf, starts, stops, rows, field, words, octets, valid, fault):
    """Reads IPv4 and IPv6 addresses as 16 bytes each, IPv4 as `::ffff:a.b.c.d`. `words` (rows, 2; uint64) and `octets`
    (rows, 16; uint8) are the same memory. Nulls get zeros."""
    for row in range(rows):
        if fault[row]:
            continue
        start, stop = np.uint64(starts[row]), np.uint64(stops[row])
        valid[row] = not is_null(buf, start, stop)
        words[row, 0], words[row, 1] = 0, 0
        if valid[row]:
            packed, good = ipv4(buf, start, stop)
            if good:
                words[row, 1] = _MAPPED | packed << _HALF
            elif not ipv6(buf, np.int64(start), np.int64(stop), octets[row]):
                fault[row] = field << 16 | BAD_ADDRESS


@compiled
def ipv4(buf, start, stop):
    """An IPv4 address, its first octet in the lowest byte, and whether it is valid. Octets must not have leading zeros,
    which some programs read as octal. Without branches, since the lengths of octets are unpredictable."""
    packed, bad, p = np.uint64(0), np.uint64(0), start
    for octet in range(4):
        first = np.uint64(buf[p]) - _ZERO
        second = np.uint64(buf[p + _ONE]) - _ZERO
        third = np.uint64(buf[p + _TWO]) - _ZERO
        two = np.uint64(second <= _NINE)
        three = two & np.uint64(third <= _NINE)
        value = first + two * (first * _NINE + second)  # ten times the previous digits, plus the next one
        value += three * (value * _NINE + third)
        bad |= np.uint64(first > _NINE) | np.uint64(value > 255) | two & np.uint64(first == 0)
        packed |= value << np.uint64(8 * octet)
        p += _ONE + two + three
        if octet < 3:
            bad |= np.uint64(buf[p] != _DOT)
            p += _ONE
    return packed, bad == 0 and p == stop


@compiled
def ipv6(buf, p, stop, out):
    """Writes an IPv6 address (RFC 4291, also with an IPv4 tail) to `out`, 16 bytes; False if it is not valid."""
    n, gap = 0, -1
    if p + 1 < stop and buf[p] == _COLON and buf[p + 1] == _COLON:
        gap = 0
        p += 2
    while p < stop:
        start, value = p, 0
        while p < stop and p - start < 4 and hex_digit(buf[p]) >= 0:
            value = value * 16 + hex_digit(buf[p])
            p += 1
        if p == start or n == 16:
            return False
        if p < stop and buf[p] == _DOT:
            packed, good = ipv4(buf, np.uint64(start), np.uint64(stop))
            if not good or n > 12:
                return False
            for i in range(4):
                out[n + i] = (packed >> np.uint64(8 * i)) & np.uint64(255)
            n += 4
            break
        out[n], out[n + 1] = value >> 8, value & 255
        n += 2
        if p < stop:
            if buf[p] != _COLON or p + 1 == stop:
                return False
            p += 1
            if buf[p] == _COLON:
                if gap >= 0:
                    return False
                gap = n
                p += 1
    if gap < 0:
        return n == 16
    for i in range(1, n - gap + 1):
        out[16 - i] = out[n - i]
    for i in range(gap, 16 - n + gap):
        out[i] = 0
    return n <= 14


@compiled
def hex_digit(c):
    if 48 <= c <= 57:
        return np.int64(c) - 48
    lower = c | 32
    return np.int64(lower) - 87 if 97 <= lower <= 102 else np.int64(-1)


@compiled
def choices(buf, starts, stops, rows, options, fault_code, codes, fault):
    """Reads one of a few texts of up to 8 bytes as its index in `options`, which are little-endian words."""
    for row in range(rows):
        if fault[row]:
            continue
        start, stop = np.uint64(starts[row]), np.uint64(stops[row])
        packed = np.uint64(0) if stop - start <= _EIGHT else ~np.uint64(0)
        if stop - start <= _EIGHT:
            for p in range(start, stop):
                packed |= np.uint64(buf[p]) << (_EIGHT * (p - start))
        code = 0
        while code < options.size and options[code] != packed:
            code += 1
        if code == options.size:
            fault[row] = fault_code
        codes[row] = code


@compiled
def texts(buf, starts, stops, first, rows, table, codes, fault):
    """Reads texts as codes, from 1, in order of first appearance in `table`, a TextTable; null is 0.

    Returns the row to continue at, which is less than `rows` when the table is full and must grow.
    """
    slot, keys, places, data, size = table.slot, table.key, table.place, table.data, table.size
    mask = np.uint64(slot.size - 1)
    entry = -1
    for row in range(first, rows):
        if fault[row]:
            continue
        start, stop = np.uint64(starts[row]), np.uint64(stops[row])
        if is_null(buf, start, stop):
            codes[row] = 0
            continue
        if entry >= 0 and same(buf, start, stop, data, np.uint64(places[entry]), np.uint64(places[entry + 1])):
            codes[row] = entry + 1
            continue
        key = text_key(buf, start, stop)
        i = key & mask
        entry = slot[i]
        while entry >= 0 and not (
            keys[entry] == key and same(buf, start, stop, data, np.uint64(places[entry]), np.uint64(places[entry + 1]))
        ):
            i = (i + _ONE) & mask
            entry = slot[i]
        if entry < 0:
            entry = size[0]
            at = np.uint64(places[entry])
            if entry == keys.size or at + (stop - start) > np.uint64(data.size):
                return row
            for p in range(start, stop):
                data[at] = buf[p]
                at += _ONE
            slot[i] = entry
            keys[entry], places[entry + 1] = key, at
            size[0] += 1
        codes[row] = entry + 1
    return rows


@compiled
def eight(buf, p):
    """The eight bytes at `p` as a little-endian word; the compiler turns this into one load."""
    word = np.uint64(buf[p])
    for i in range(1, 8):
        word |= np.uint64(buf[p + np.uint64(i)]) << np.uint64(8 * i)
    return word


@compiled
def text_key(buf, start, stop):
    """A hash of a text: eight bytes at a time, the last eight overlapping; short texts byte by byte."""
    key, p = stop - start, start
    if key < _EIGHT:
        while p < stop:
            key = (key ^ np.uint64(buf[p])) * _PRIME
            p += _ONE
        return key ^ (key >> _HALF)
    while p + _EIGHT < stop:
        key = (key ^ eight(buf, p)) * _PRIME
        key ^= key >> _HALF
        p += _EIGHT
    key = (key ^ eight(buf, stop - _EIGHT)) * _PRIME
    return key ^ (key >> _HALF)


@compiled
def same(buf, start, stop, data, other, other_stop):
    """Whether two texts, one in `buf` and one in `data`, are equal."""
    if stop - start != other_stop - other:
        return False
    p, q = start, other
    while p + _EIGHT <= stop:
        if eight(buf, p) != eight(data, q):
            return False
        p += _EIGHT
        q += _EIGHT
    while p < stop and buf[p] == data[q]:
        p += _ONE
        q += _ONE
    return p == stop


@compiled
def rehash(table):
    """Fills the slots of a TextTable, all of which are free (-1), with its texts."""
    mask = np.uint64(table.slot.size - 1)
    for entry in range(table.size[0]):
        i = table.key[entry] & mask
        while table.slot[i] >= 0:
            i = (i + _ONE) & mask
        table.slot[i] = entry


@compiled
def gather(buf, starts, stops, cap):
    """Slices of `buf` as Arrow string data (uint8) and offsets (int32): at most `cap` bytes of each; invalid UTF-8 as
    `\\xNN`."""
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
        p, n, stop = starts[i], offsets[i], min(stops[i], starts[i] + cap)
        while n < offsets[i + 1]:
            size = utf8_length(buf, p, stop)
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
