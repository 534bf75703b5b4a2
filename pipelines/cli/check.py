"""The command that looks whether everything is as it must be, before anything depends on it."""

from typing import Annotated

import typer

from pipelines.cli.base import (
    AwsRegionOption,
    EndpointOption,
    ExitCode,
    OutputOption,
    ProfileOption,
    RequesterPaysOption,
    UnsignedOption,
    reply,
    settings,
    store_of,
)
from schemas.errors import FlowtrailError


def check(
    ctx: typer.Context,
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL...]", help="s3://bucket/prefix to list and to read from.")
    ] = None,
    *,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    no_sign_request: UnsignedOption = None,
    requester_pays: RequesterPaysOption = None,
    output: OutputOption = None,
) -> None:
    """Say what is configured and what is wrong.

    What can be reached, and how to mend what cannot.

    The store and its migrations, the snapshot's age, the dead-letter folder, who AWS takes you for, whether the buckets
    can be listed and read, and each EC2 permission that a snapshot needs. Changes nothing. The exit code is 1 when
    something is wrong.

    \b
    Example:
      flowtrail check s3://my-logs/AWSLogs/123456789012/
    """
    from connectors.s3 import split_url
    from pipelines.cli import checks
    from pipelines.cli.progress import progress

    for url in urls or ():
        try:
            split_url(url)
        except FlowtrailError as error:
            raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    found = settings(
        ctx,
        output=output,
        profile=profile,
        aws_region=aws_region,
        endpoint_url=endpoint_url,
        no_sign_request=no_sign_request,
        requester_pays=requester_pays,
    )
    with progress("looking"):
        done = checks.run(found, store_of(found), urls or ())
    wrong = any(one.state is checks.State.WRONG for one in done)
    answers = [vars(one) for one in done]
    reply(found, {"ok": not wrong, "checks": answers}, lambda screen: checks.show(done, screen), answers)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)
