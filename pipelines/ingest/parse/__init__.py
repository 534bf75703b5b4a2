"""Stored bytes become Arrow tables. Pure: no I/O, no Beam.

`parse_objects.py`  objects of a load; text logs of one layout together.   `parsed.py`  the result for one object.
`flow_log.py`       a text flow log: the rules.   `parquet.py`  a Parquet one.   `cloudtrail.py`  a CloudTrail object.
`decompress.py`     gzip within bounds.           `log_format.py`  the order of fields.   `shapes.py`  VPC or TGW.
`window.py` -> `kernel.py` (`bits.py`) -> `blocks.py` -> `fields.py` -> `flow_columns.py`: text to columns, compiled.
`records.py`        typed records, in the form that the loops over text read.   `rejects.py`  rejected records.
`time_bounds.py`  the times that records may have.   `named_time.py`  the time that a key names.
`memory.py`         reuses memory for columns.
"""
