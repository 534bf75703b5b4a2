"""Rows as Arrow tables. Pure; numpy and pyarrow only.

`columns.py`  joins tables column by column, copying as little as possible.
`batch.py`    `Batch`: the rows of many objects in one table of each kind.
`chunks.py`   cuts a batch into chunks: one table, one partition day, one insert each.
"""
