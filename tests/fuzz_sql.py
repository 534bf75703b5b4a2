"""`python -m tests.fuzz_sql [STATEMENTS]`: mangled statements that try to get out of the store through `flowtrail sql`.

Each statement mixes what reads files, writes them or opens connections with comments, quotations and escapes. What the
guard lets through is run by the real engine, read-only as in the product; no answer may contain what is in the canary
file, no file may appear, and nobody may connect to the canary port.
"""

import random
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
from console.answers.guard import guarded
from console.answers.sql import run_sql
from schemas.errors import FlowtrailError

SEED = 20261126
SECRET = "canary-8d1f"

BLANKS = (
    " ",
    " ",
    "\t",
    "\n",
    "\u00a0",
    "\u2003",
    "/**/",
    "/* ' */",
    "/* /* */ ' */",
    "-- '\n",
    "# '\n",
    '#! "\n',
    " /*'*/ ",
)
QUOTES: tuple[Callable[[str], str], ...] = (
    lambda text: f"'{text}'",
    lambda text: f"$a${text}$a$",
    lambda text: f"$${text}$$",
    lambda text: f"\u2018{text}\u2019",
    lambda text: "'" + "".join(f"\\x{ord(c):02x}" for c in text) + "'",
    lambda text: f"'{text[:2]}' || '{text[2:]}'",
    lambda text: f"unhex('{text.encode().hex()}')",
)
NAMES: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: name,
    str.upper,
    lambda name: f"`{name}`",
    lambda name: f'"{name}"',
    lambda name: f'"\\x{ord(name[0]):02x}{name[1:]}"',
    lambda name: f"\u201c{name}\u201d",
)
SHELLS = (
    "SELECT {x}", "SELECT * FROM ({q})", "SELECT 1 WHERE 1 IN ({q})", "WITH a AS ({q}) SELECT * FROM a", "EXPLAIN {q}",
    "DESCRIBE ({q})", "SELECT arrayMap(x -> {x}, [1])", "SELECT if(1, {x}, '')", "{q} UNION ALL {q}", "({q})", "{q};",
    "SELECT * FROM view({q})", "SELECT '/* ' AS `--`, {x} -- '", "SELECT /* /* */ {x} */ 1", "{q} LIMIT 1",
    "SELECT * REPLACE({x} AS a) FROM (SELECT 1 AS a)", "SHOW TABLES LIKE {s}", "SELECT {x} FROM ({q}) AS t",
    "EXPLAIN SYNTAX {q}", "{q} PARALLEL WITH {q}", "{q}; {q}", "SELECT ' {x} \\' , {x} -- '", "SELECT `a' {x} `",
)  # fmt: skip
SPOILS = ("'", '"', "`", "/*", "*/", "--", "\n", "\\", "$", "$$", "#", ";", "(", ")", "\x00", "\u2019", "{", "}")


class Mangler:
    """Statements from a seed. `file` and `out` are paths, `port` is listened at."""

    def __init__(self, seed: int, file: Path, out: Path, port: int) -> None:
        self.dice = random.Random(seed)
        self.file, self.out, self.port = file, out, port

    def statement(self) -> str:
        shell = self.dice.choice(SHELLS)
        sql = shell
        while "{" in sql and any(part in sql for part in ("{x}", "{q}", "{s}")):
            sql = sql.replace("{x}", self._value(), 1).replace("{q}", self._query(), 1).replace("{s}", self._path(), 1)
        sql = "".join(self._blank() if c == " " and self.dice.random() < 0.3 else c for c in sql)
        if self.dice.random() < 0.3:
            sql += self._ending()
        for _ in range(self.dice.choice((0, 0, 0, 1, 2))):
            at = self.dice.randrange(len(sql) + 1)
            sql = sql[:at] + self.dice.choice(SPOILS) + sql[at + self.dice.choice((0, 1)) :]
        return sql

    def _blank(self) -> str:
        return self.dice.choice(BLANKS)

    def _text(self, text: str) -> str:
        return self.dice.choice(QUOTES)(text)

    def _name(self, name: str) -> str:
        return self.dice.choice(NAMES)(name)

    def _path(self) -> str:
        return self._text(str(self.file))

    def _value(self) -> str:
        return self.dice.choice(
            (
                "1",
                f"{self._name('file')}{self._blank()}({self._path()})",
                f"(SELECT {self._name('file')}({self._path()}))",
                f"(SELECT * FROM {self._source()} LIMIT 1)",
                f"dictGet({self._path()}, 'a', 1)",
                f"toString({self._name('file')}({self._path()}))",
                f"catboostEvaluate({self._path()}, 1)",
            )
        )

    def _source(self) -> str:
        url = f"http://127.0.0.1:{self.port}/x"
        return self.dice.choice(
            (
                f"{self._name('file')}({self._path()}, 'LineAsString')",
                f"{self._name('url')}({self._text(url)}, 'LineAsString')",
                f"{self._name('s3')}({self._text(url)}, 'LineAsString')",
                f"remote({self._text(f'127.0.0.1:{self.port}')}, system.one)",
                f"default.`{self.file}`",
                f"{self._name('default')}.{self._name(str(self.file))}",
                f"`{self.file}`",
                f"merge('default', {self._text('.*')})",
                f"eval({self._text(f'SELECT file({str(self.file)!r})')})",
                f"python({self._text('self')})",
                f"sqlite({self._path()}, 'x')",
                f"viewExplain('EXPLAIN', '', (SELECT * FROM `{self.file}`))",
                f"loop({self._name('file')}({self._path()}))",
                "numbers(2)",
            )
        )

    def _query(self) -> str:
        columns = self.dice.choice(("*", "1", "* APPLY(file)", "* APPLY file", self._value()))
        source = self.dice.choice((self._source(), f"(SELECT {self._path()} AS a)"))
        return f"SELECT {columns} FROM {source}"

    def _ending(self) -> str:
        out = self._text(str(self.out))
        return self.dice.choice(
            (
                f" INTO{self._blank()}OUTFILE {out}",
                f" INTO OUTFILE {out} TRUNCATE FORMAT CSV",
                f" FORMAT{self._blank()}CSV INTO OUTFILE {out}",
                " SETTINGS readonly = 0",
                f"; SELECT 1 INTO OUTFILE {out}",
                " FORMAT Null",
                " -- '",
                " /*",
            )
        )


def fuzz(store: Store, statements: int, folder: Path, seed: int = SEED) -> Counter[str]:
    """Try so many statements; returns how many were refused, answered and rejected by the engine. Raises
    AssertionError for one that got out."""
    file, out = folder / "canary.txt", folder / "out"
    file.write_text(f"{SECRET}\n", "utf-8")
    counts: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        mangler = Mangler(seed, file, out, listening.getsockname()[1])
        for _ in range(statements):
            sql = mangler.statement()
            try:
                guarded(store, sql)
            except FlowtrailError:
                counts["refused"] += 1
                continue
            try:
                answer = str(run_sql(store, sql, 100).rows)
                counts["answered"] += 1
            except FlowtrailError as error:
                answer = error.message.replace(str(file), "")
                counts["rejected by the engine"] += 1
            assert SECRET not in answer, f"read the file: {sql!r}"
            assert not out.exists(), f"wrote a file: {sql!r}"
            try:
                listening.accept()
            except BlockingIOError:
                continue
            raise AssertionError(f"opened a connection: {sql!r}")
    return counts


def main() -> None:
    statements = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    begun = monotonic()
    with tempfile.TemporaryDirectory() as name:
        store = Store(f"{name}/db")
        ensure_migrated(store)
        counts = fuzz(store, statements, Path(name))
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
    print(f"{statements:,} statements in {monotonic() - begun:.0f} s: {told}; none got out of the store")


if __name__ == "__main__":
    main()
