"""Joins tables column by column. Texts stay dictionaries, and columns that are blank in all rows are left out: a
version 2 log fills 13 of the 53 logged columns of `flows`, and copying the blank ones would cost more than the rest."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

Array = Any
"""A pyarrow.Array. Its stubs lack the conversions from numpy and the members of dictionary arrays."""

NOTHING = pa.schema([])
SMALL = 10_000
"""Chunks of up to this many rows are cheaper to copy than to keep separate."""


def joined(tables: Sequence[pa.Table], keep: pa.Schema = NOTHING) -> pa.Table:
    """The rows of `tables`, one table after another, copied as little as possible. A column that a table lacks is blank
    there; a column that is blank in all of them is left out, unless `keep` has it.

    Columns are in the order in which the tables first have them. Raises ValueError when their types differ.
    """
    kept: dict[str, Any] = dict(zip(keep.names, keep.types, strict=True))
    names = dict.fromkeys([*(name for table in tables for name in table.column_names), *kept])
    made = {}
    for name in names:
        types = {table.schema.field(name).type for table in tables if name in table.column_names} or {kept[name]}
        if len(types) > 1:
            raise ValueError(f"{name} has the types {', '.join(map(str, types))}")
        kind = types.pop()
        chunks = [chunk for chunk in _chunks(tables, name, kind) if len(chunk)]
        if name in kept or not all(map(is_blank, chunks)):
            made[name] = pa.chunked_array(united(chunks), kind)
    return pa.table(made)


def filled(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """`rows` with the columns of `schema`, in its order; columns that `rows` lacks are blank."""
    made = [
        rows[field.name] if field.name in rows.column_names else pa.chunked_array([_blank(rows.num_rows, field.type)])
        for field in schema
    ]
    return pa.Table.from_arrays(made, schema=schema)


def united(chunks: Sequence[Array]) -> list[Array]:
    """The chunks of a column, merged into one when they are small, with one dictionary for all."""
    if len(chunks) < 2:
        return list(chunks)
    if pa.types.is_dictionary(chunks[0].type):
        if any(chunk.null_count for chunk in chunks):
            return [pa.chunked_array(chunks).unify_dictionaries().combine_chunks()]
        chunks = _one_dictionary(chunks)
    if sum(map(len, chunks)) < SMALL * len(chunks):
        return [pa.concat_arrays(chunks)]
    return list(chunks)


def is_blank(chunk: Array) -> bool:
    """Whether a chunk holds only the value of an omitted column: NULL, '' or the empty map."""
    if pa.types.is_dictionary(chunk.type):
        return len(chunk.dictionary) == 1 and chunk.dictionary[0].as_py() == "" and not chunk.null_count
    if pa.types.is_map(chunk.type):
        return bool(chunk.offsets[0] == chunk.offsets[len(chunk)])
    return bool(chunk.null_count == len(chunk))


def runs(values: Array) -> list[tuple[int, int]]:
    """Value and length of each run of equal numbers."""
    numbers = values.to_numpy()
    if not len(numbers):
        return []
    first = np.concatenate([[0], np.flatnonzero(numbers[1:] != numbers[:-1]) + 1])
    return list(zip(numbers[first].tolist(), np.diff([*first, len(numbers)]).tolist(), strict=True))


def _chunks(tables: Sequence[pa.Table], name: str, kind: Any) -> Iterator[Array]:
    for table in tables:
        if name in table.column_names:
            yield from table.column(name).chunks
        elif table.num_rows:
            yield _blank(table.num_rows, kind)


def _blank(rows: int, kind: Any) -> Array:
    """A blank value, `rows` times."""
    first: Array = np.zeros(rows, np.int32)
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(first, pa.array([""]))
    if pa.types.is_map(kind):
        return pa.array([{}], kind).take(first)
    return pa.nulls(rows, kind)


def _one_dictionary(chunks: Sequence[Array]) -> list[Array]:
    """Codes are renumbered as arrays; only the distinct texts of each chunk are handled one by one."""
    first = chunks[0].dictionary
    if all(chunk.dictionary.equals(first) for chunk in chunks):
        return [pa.DictionaryArray.from_arrays(chunk.indices, first, safe=False) for chunk in chunks]
    texts: dict[str, int] = {}
    codes = []
    for chunk in chunks:
        places = np.array([texts.setdefault(text, len(texts)) for text in chunk.dictionary.to_pylist()], np.int32)
        mine = chunk.indices.to_numpy()
        plain = np.array_equal(places, np.arange(len(places)))
        codes.append(mine.astype(np.int32, copy=False) if plain else places[mine])
    all_texts = pa.array(list(texts), pa.string())
    return [pa.DictionaryArray.from_arrays(each, all_texts, safe=False) for each in codes]
