"""`sql` runs one statement that reads the store and touches nothing outside it."""

import pytest

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
    ],
)
def test_reading_statements_are_accepted(sql: str) -> None:
    assert guarded(sql).strip()
    assert ";" not in guarded(sql)[-2:]


def test_a_comment_at_the_end_hides_nothing_that_is_appended() -> None:
    assert guarded("SELECT 1 -- x") == "SELECT 1\n"


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
        ("SELECT file('/etc/passwd')", "file reads outside"),
        ("SELECT FILE /**/ ('/etc/passwd')", "file reads outside"),
        ("SELECT `file`('/etc/passwd')", "file reads outside"),
        ("SELECT \"fi\\x6ce\"('/etc/passwd')", "contains an escape sequence"),
        ("SELECT * FROM url('http://x', CSV)", "url reads outside"),
        ("DESCRIBE (SELECT * FROM s3('http://x'))", "s3 reads outside"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT 1 into /* x */ outfile '/tmp/x'", "writes a file"),
        ("SELECT 1 FORMAT CSV", "output format"),
        ("SELECT $a$ ' $a$, file('/etc/passwd') -- '", "quotes with"),
        ("SELECT \u2018 ' \u2019, file('/etc/passwd') -- '", "quotes with"),
        ("SELECT 'open", "is not closed"),
    ],
)
def test_everything_else_is_rejected_with_a_remedy(sql: str, message: str) -> None:
    with pytest.raises(FlowtrailError, match=message) as failure:
        guarded(sql)
    assert failure.value.remedy
