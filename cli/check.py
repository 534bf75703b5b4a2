"""The command that checks the configuration before anything depends on it."""

from typing import Annotated

import typer

from cli.base import (
    AwsRegionOption,
    EndpointOption,
    ExitCode,
    OutputOption,
    ProfileOption,
    RequesterPaysOption,
    UnsignedOption,
    check_urls,
    reply,
    settings,
    store_of,
)


def check(
    ctx: typer.Context,
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL...]", help="List and read s3://bucket/prefix; may be repeated.")
    ] = None,
    *,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    no_sign_request: UnsignedOption = None,
    requester_pays: RequesterPaysOption = None,
    output: OutputOption = None,
) -> None:
    """Check the configuration and show what is wrong.

    Shows the state of the store and its migrations, the snapshot's age, which AWS identity is used, whether the buckets
    can be listed and read, and each EC2 permission that a snapshot needs, and how to fix what is wrong. Changes
    nothing. The exit code is 1 when something is wrong.

    \b
    Example:
      flowtrail check s3://my-logs/AWSLogs/123456789012/
    """
    from cli.progress import progress
    from console.answers.check import State, run
    from console.terminal.check import show

    check_urls(urls or ())
    found = settings(
        ctx,
        output=output,
        profile=profile,
        aws_region=aws_region,
        endpoint_url=endpoint_url,
        no_sign_request=no_sign_request,
        requester_pays=requester_pays,
    )
    with progress("checking"):
        done = run(found, store_of(found), urls or ())
    wrong = any(one.state is State.WRONG for one in done)
    answers = [vars(one) for one in done]
    reply(found, {"ok": not wrong, "checks": answers}, lambda screen: show(done, screen), answers)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)
