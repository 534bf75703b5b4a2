"""Flow logs in bulk, as AWS delivers them: any version, order, format and key layout, without a loop over records.

`arrow.py`    Arrow arrays and text in them; `addresses.py` addresses as text.
`fields.py`   every field, in documented order, with the type it has in AWS's Parquet files.
`dice.py`     one random number per record and question, from the record's number: any slice of a log can be generated
              independently.
`fleet.py`    the interfaces and what a log records about them.
`flows.py`    what each record is about; `vpc.py` its columns in a VPC log, `transit.py` in a transit gateway's.
`batch.py`    records with any list of fields as one Arrow table, with the truth about them.
`text.py`, `parquet.py`, `keys.py`  the two file formats and the names of objects.
`bucket.py`   plans whole buckets; `delivery.py` generates them, in a folder or over the S3 API.
"""
