"""Read the objects of a load.

`load.py`   reads a load within bounded memory; large objects piece by piece.
`fetch.py`  fetches and parses objects in parallel.
`ahead.py`  reads the next elements while one is written.
"""
