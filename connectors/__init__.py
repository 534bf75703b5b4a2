"""Where the data comes from and where it goes. May import `schemas`; never Beam, never `pipelines`.

`aws/`              S3, SQS, EC2, STS: clients, and their errors as messages with a remedy.
`store/`            ClickHouse, embedded or on a server: queries, inserts, migrations, ledger.
`notify/`           where news of incidents goes.
`settings.py`       every runtime setting, each also a `FLOWTRAIL_*` variable.
`failpoints.py`     points where a test ends the process.
`dead_letter_files.py`  objects that could not be read, as Avro files to carry elsewhere.

Add a notification channel as a module of `notify/` that `notify/named.py` knows, and a runtime setting as a field of
`settings.Settings`.
"""
