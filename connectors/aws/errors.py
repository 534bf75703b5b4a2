"""Errors from AWS and botocore as messages with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    EndpointProviderError,
    HTTPClientError,
    InvalidRegionError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from schemas.errors import FlowtrailError

OBJECT_CODES = {"NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412", "InvalidObjectState"}
"""Error codes that concern a single object: the reader makes a dead letter of it."""

BAD_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "TokenRefreshRequired",
    "AuthFailure",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"}
_OTHER_REGION = {
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "TemporaryRedirect",
}
_THROTTLED = {"SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "ThrottlingException"}

LOG_IN = "Log in again (`aws sso login` or `aws configure`), or set another profile with --profile or AWS_PROFILE."
_CHECK_ENDPOINT = "Check the network, --aws-region (AWS_REGION) and --endpoint-url (AWS_ENDPOINT_URL), then run again."


def setup_error(error: BotoCoreError, where: str) -> FlowtrailError:
    """An error before any response: credentials, profile, region or network. `where` is what was to be read."""
    match error:
        case NoCredentialsError() | NoAuthTokenError():
            return FlowtrailError(
                "No AWS credentials were found.",
                "Set AWS_PROFILE or --profile, or log in with `aws sso login` or `aws configure`;"
                " use --no-sign-request for a public bucket.",
            )
        case PartialCredentialsError():
            return FlowtrailError(f"The AWS credentials are incomplete: {error}", LOG_IN)
        case CredentialRetrievalError() | TokenRetrievalError() | SSOError() | LoginError() | MetadataRetrievalError():
            return FlowtrailError(f"The AWS credentials are not available or have expired: {error}", LOG_IN)
        case ProfileNotFound():
            return FlowtrailError(
                f"{error}.".replace("..", "."), "List the existing profiles with `aws configure list-profiles`."
            )
        case NoRegionError():
            return FlowtrailError("No AWS region is set.", "Set AWS_REGION or --aws-region.")
        case InvalidRegionError():
            return FlowtrailError(
                f"This is not an AWS region: {error}", "Set --aws-region (AWS_REGION) to a region such as eu-central-1."
            )
        case EndpointProviderError():
            return FlowtrailError(f"No endpoint was found for {where}: {error}", _CHECK_ENDPOINT)
        case SSLError():
            return FlowtrailError(
                f"{where}: the endpoint's certificate is not trusted: {error}",
                "Set AWS_CA_BUNDLE to the certificates to trust, and check --endpoint-url (AWS_ENDPOINT_URL).",
            )
        case ConnectionError() | HTTPClientError():
            return FlowtrailError(f"{where} cannot be reached: {error}", _CHECK_ENDPOINT)
    return FlowtrailError(f"{where} cannot be read: {error}", "Check the AWS settings with `flowtrail check`.")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise S3 errors as FlowtrailError with a remedy. Errors that concern a single object stay ClientErrors."""
    try:
        yield
    except ClientError as error:
        raise _of_s3(where, error) from error
    except BotoCoreError as error:
        raise setup_error(error, where) from error
    except RecursionError as error:  # botocore asks again for the region of a bucket, until it is redirected no more
        raise FlowtrailError(
            f"{where} cannot be read: the endpoint redirects every request.", _CHECK_ENDPOINT
        ) from error


def _of_s3(where: str, error: ClientError) -> Exception:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    if code in OBJECT_CODES:
        return error
    if code == "NoSuchBucket":
        return FlowtrailError(
            f"The bucket of {where} does not exist.",
            "Check the bucket name, and that AWS_PROFILE and AWS_REGION (--profile and --aws-region) are its owner's.",
        )
    if code.startswith("KMS.") or (code in _DENIED and "kms" in message.lower()):
        return FlowtrailError(
            f"{where} is encrypted with a KMS key that cannot be used: {message or code}",
            "Grant kms:Decrypt on that key to the credentials in use, and make sure that the key is enabled.",
        )
    if code in _DENIED:
        return FlowtrailError(
            f"Access to {where} is denied.",
            "Grant s3:ListBucket on the bucket and s3:GetObject on its objects to the credentials in use (and"
            " kms:Decrypt if they are encrypted with KMS). Add --requester-pays for a Requester Pays bucket."
            f" Run `flowtrail check {bucket_of(where)}` to see which AWS identity is used.",
        )
    if code in EXPIRED:
        return FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN)
    if code in BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN)
    if code == "RequestTimeTooSkewed":
        return FlowtrailError("AWS does not accept requests: this machine's clock is wrong.", "Set the clock.")
    if code in _OTHER_REGION:
        return FlowtrailError(
            f"{where} is in another region: {message or code}", "Set --aws-region (AWS_REGION) to the bucket's region."
        )
    if code in _THROTTLED:
        return FlowtrailError(
            f"{where} cannot be read: S3 throttled every attempt ({code}).",
            "Wait a while, then run the same command again: nothing is counted twice.",
        )
    return FlowtrailError(
        f"{where} cannot be read: {code}: {message}", "Fix what S3 reports, then run the same command again."
    )


def bucket_of(where: str) -> str:
    """`s3://bucket/` of an S3 location."""
    return "/".join(where.split("/")[:3]) + "/"
