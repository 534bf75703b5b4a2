"""The command `flowtrail`: the only package that imports all the others.

`app.py`  all commands, in the order a new user needs them.   `base.py`  exit codes, settings, shared options.
`ingest.py`  `write.py`  `watch.py`  `read.py`  `ask.py`  `preview.py`  `replay.py`  `check.py`  `repair.py`
`rejected.py`  `console.py`  `mcp.py`  `demo.py`  the commands.
`follow.py`  rounds of `ingest` and `watch`.   `preloaded.py`  what their processes have imported.
`progress.py`  progress bars on a terminal.   `interrupt.py`  what Ctrl-C does.

To add a command, write a function in one of these modules, its answer in `console/answers/`, its table in
`console/terminal/` and one line in `app.py`; then run `make docs`.
"""


def main() -> None:
    """The entry point. It imports the commands itself, so that importing the package costs nothing."""
    import gc
    import os

    gc.set_threshold(10_000, 20, 50)  # what imports create stays; looking through it again and again takes 0.4 s
    from cli import interrupt

    interrupt.watch()
    from cli.app import app
    from cli.base import ExitCode, say_unexpected

    with interrupt.exit_code():
        try:
            app(prog_name="flowtrail")
        except Exception as error:
            interrupt.end_if_asked()
            if os.environ.get("FLOWTRAIL_DEBUG"):
                raise
            say_unexpected(error)
            raise SystemExit(ExitCode.FAILED) from None
