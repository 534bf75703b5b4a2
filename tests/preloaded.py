"""What processes of tests import, which takes longer than most of what they do: `tests.forked` forks them from one that
has imported it. It must not start the engine, nor any thread: neither survives a fork."""

import apache_beam  # noqa: F401
import awscli.clidriver  # noqa: F401
import clickhouse_connect.driver.client  # noqa: F401
import fastavro  # noqa: F401
