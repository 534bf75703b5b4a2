"""`sql` runs one statement that reads the store and touches nothing outside it."""

import pytest

from connectors.store.clickhouse import Store
from console.answers.guard import guarded
from schemas.errors import FlowtrailError


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select count() from flows where action = 'REJECT' ;\n ; ",
        "WITH 1 AS x SELECT x",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT 'a;b', 'it''s', '\\';', `a;b` FROM (SELECT 1 AS `a;b`)",
        "SELECT 1 -- a comment; of two",
        "SELECT /* ; DROP TABLE flows */ 1",
        "SHOW TABLES",
        "DESCRIBE flows",
        "EXPLAIN SELECT 1",
        "SELECT 'file(1) INTO OUTFILE'",
        "SELECT url FROM (SELECT 1 AS url)",
        "SELECT formatDateTime(start, '%H') FROM flows",
        "SELECT format, settings FROM (SELECT 1 AS format, 2 AS settings)",
        "SELECT format('{}-{}', 'a', 'b'), -(-1), 1 - -1, '--', '/*' AS `-- x`",
        "SELECT a.* APPLY(toString) FROM (SELECT 1) AS a",
        "SELECT number FROM numbers(3) WHERE number IN (SELECT * FROM view(SELECT 1))",
    ],
)
def test_reading_statements_are_accepted(template: Store, sql: str) -> None:
    assert guarded(template, sql).strip()
    assert ";" not in guarded(template, sql)[-2:]


def test_what_is_run_is_what_the_parser_understood(template: Store) -> None:
    """Without comments; each text and name quoted in the same way."""
    assert guarded(template, "select 1 -- x") == "SELECT 1"
    assert guarded(template, "SELECT $a$it's$a$, \"n\", \u2018x\u2019 /* /* */ ' */ # '") == ("SELECT 'it\\'s', n, 'x'")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "statement is empty"),
        (" ; -- nothing", "statement is empty"),
        ("SELECT 1; DROP TABLE flows", "more than one"),
        ("SELECT 1; -- x\n SELECT 2", "more than one"),
        ("DROP TABLE flows", "starts with DROP"),
        ("INSERT INTO flows SELECT * FROM flows", "starts with INSERT"),
        ("SET readonly = 0", "starts with SET"),
        ("USE system", "starts with USE"),
        ("KILL QUERY WHERE 1", "starts with KILL"),
        ("SELECT file('/etc/passwd')", "file is refused"),
        ("SELECT FILE /**/ ('/etc/passwd')", "file is refused"),
        ("SELECT `file`('/etc/passwd')", "file is refused"),
        ("SELECT \"fi\\x6ce\"('/etc/passwd')", "file is refused"),
        ("SELECT * FROM url('http://x', CSV)", "url is refused"),
        ("DESCRIBE (SELECT * FROM s3('http://x'))", "s3 is refused"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT 1 into /* x */ outfile '/tmp/x'", "writes a file"),
        ("SELECT 1 FORMAT CSV", "output format"),
        ("SELECT $a$ ' $a$, file('/etc/passwd') -- '", "file is refused"),
        ("SELECT \u2018 ' \u2019, file('/etc/passwd') -- '", "file is refused"),
        ("SELECT 'open", "is not closed"),
        ("SELECT /* /* */ ' */ file(/*'*/'/etc/passwd')", "file is refused"),
        ("SELECT 1 /* /* */ ' */ INTO /*'*/ OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT * APPLY(file) FROM (SELECT '/etc/passwd')", "file is refused"),
        ("SELECT * APPLY file FROM (SELECT '/etc/passwd')", "file is refused"),
        ("SELECT COLUMNS('a') APPLY(x -> file(x)) FROM (SELECT '/etc/passwd' AS a)", "file is refused"),
        ("SELECT * FROM eval('SELECT 1')", "eval is refused"),
        ("SELECT * FROM merge('default', '.*')", "merge is refused"),
        ("SELECT dictGet('d', 'a', 1)", "dictget is refused"),
        ("SELECT aiGenerate('x')", "aigenerate is refused"),
        ("SELECT * FROM default.`/etc/passwd`", "database `default`"),
        ("SHOW TABLES FROM `default`", "database `default`"),
        ("SELECT 1 SETTINGS readonly = 0", "Settings cannot be changed"),
        ("SELECT 1 PARALLEL WITH SELECT 2", "more than one"),
        ("SELECT {a:String}", "parameters"),
        ("EXPLAIN SELECT file('/etc/passwd')", "file is refused"),
        ("SELEC 1", "parser does not accept"),
    ],
)
def test_everything_else_is_rejected_with_a_remedy(template: Store, sql: str, message: str) -> None:
    with pytest.raises(FlowtrailError, match=message) as failure:
        guarded(template, sql)
    assert failure.value.remedy


def test_the_embedded_database_default_is_refused(template: Store) -> None:
    """Its tables are the files of this machine."""
    with pytest.raises(FlowtrailError, match="takes the tables of the database `default` for files"):
        Store(template.db, "default")
    assert Store("http://host/default").database == "default"
