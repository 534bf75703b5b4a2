"""Write loads, and report what became of each object.

`load.py`  writes rows and receipts under the ledger; large objects while they are read.
"""
