"""The answers as tools of the Model Context Protocol, for assistants. They only read, and run nothing.

`server.py`  the tools.
"""
