"""Flow logs in bulk, as AWS delivers them: any version, order, format and key layout, without a loop over records.

`arrow.py`    Arrow arrays and text in them; `addresses.py` addresses as text.
`fields.py`   every field, in documented order, with the type that AWS's Parquet files give it.
`dice.py`     one number per record and question, from the record's own number: any slice of a log can be made alone.
`fleet.py`    the interfaces and what is known of them.
`flows.py`    what each record is about; `vpc.py` its columns in a VPC log, `transit.py` in a transit gateway's.
`batch.py`    records of any list of fields as one Arrow table, with the truth about them.
`text.py`, `parquet.py`, `keys.py`  the two file formats and the names of objects.
`bucket.py`   whole buckets, planned; `delivery.py` makes them, in a folder or over S3's API.
"""
