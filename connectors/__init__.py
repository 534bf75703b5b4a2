"""Where the data comes from and where it goes. May import `schemas`; never Beam, never `pipelines`.

`aws/`              S3, EC2, STS: clients, and their errors as messages with a remedy.
`store/`            ClickHouse, embedded or on a server: queries, inserts, migrations, ledger.
`settings.py`       every runtime setting, each also a `FLOWTRAIL_*` variable.
`dead_letters.py`   objects that could not be read, as Avro files.
`failpoints.py`     points where a test ends the process.

Add a notification channel as a module here, and a runtime setting as a field of `settings.Settings`.
"""
