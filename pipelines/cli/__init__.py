"""The command `flowtrail`: the only place where everything is put together."""


def main() -> None:
    """The entry point. Imports happen here, so that importing the package costs nothing."""
    from pipelines.cli.app import app

    app(prog_name="flowtrail")
