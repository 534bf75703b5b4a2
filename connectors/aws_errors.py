"""What AWS and botocore answer, as sentences with a remedy."""

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

OF_THE_OBJECT = {"NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412", "InvalidObjectState"}
"""Codes that say something of one object, and nothing of the world: the reader makes a dead letter of it."""

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
_ELSEWHERE = {
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "TemporaryRedirect",
}
_SLOW = {"SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "ThrottlingException"}

LOG_IN = "Log in again (`aws sso login` or `aws configure`), or name another profile with --profile or AWS_PROFILE."
_CHECK_PLACE = "Check the network, --aws-region (AWS_REGION) and --endpoint-url (AWS_ENDPOINT_URL), then run again."


def of_the_setting(error: BotoCoreError, where: str) -> FlowtrailError:
    """What lies before any answer: credentials, profile, region, network. `where` is what was to be read."""
    match error:
        case NoCredentialsError() | NoAuthTokenError():
            return FlowtrailError(
                "There are no AWS credentials.",
                "Set AWS_PROFILE or --profile, or log in with `aws sso login` or `aws configure`;"
                " a public bucket is read with --no-sign-request.",
            )
        case PartialCredentialsError():
            return FlowtrailError(f"The AWS credentials are not complete: {error}", LOG_IN)
        case CredentialRetrievalError() | TokenRetrievalError() | SSOError() | LoginError() | MetadataRetrievalError():
            return FlowtrailError(f"The AWS credentials cannot be had or have expired: {error}", LOG_IN)
        case ProfileNotFound():
            return FlowtrailError(
                f"{error}.".replace("..", "."), "`aws configure list-profiles` lists those that there are."
            )
        case NoRegionError():
            return FlowtrailError("No AWS region is set.", "Set AWS_REGION, or give --aws-region.")
        case InvalidRegionError():
            return FlowtrailError(f"That is no AWS region: {error}", "Give --aws-region (AWS_REGION) as eu-central-1.")
        case EndpointProviderError():
            return FlowtrailError(f"{where} cannot be asked: {error}", _CHECK_PLACE)
        case SSLError():
            return FlowtrailError(
                f"{where}: the endpoint's certificate is not trusted: {error}",
                "Set AWS_CA_BUNDLE to the certificates to trust, and check --endpoint-url (AWS_ENDPOINT_URL).",
            )
        case ConnectionError() | HTTPClientError():
            return FlowtrailError(f"{where} cannot be reached: {error}", _CHECK_PLACE)
    return FlowtrailError(f"{where} cannot be read: {error}", "Check the AWS settings: `flowtrail check`.")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise what S3 answers as a FlowtrailError with a remedy. What is the object's own fault stays a ClientError."""
    try:
        yield
    except ClientError as error:
        raise _of_s3(where, error) from error
    except BotoCoreError as error:
        raise of_the_setting(error, where) from error


def _of_s3(where: str, error: ClientError) -> Exception:
    answer = error.response.get("Error", {})
    code, said = answer.get("Code", ""), answer.get("Message", "")
    if code in OF_THE_OBJECT:
        return error
    if code == "NoSuchBucket":
        return FlowtrailError(
            f"There is no bucket for {where}.",
            "Check the name, and that AWS_PROFILE and AWS_REGION, or --profile and --aws-region, are the owner's.",
        )
    if code.startswith("KMS.") or (code in _DENIED and "kms" in said.lower()):
        return FlowtrailError(
            f"{where} is encrypted with a KMS key that cannot be used: {said or code}",
            "Allow kms:Decrypt on that key to the credentials in use, and see that the key is enabled.",
        )
    if code in _DENIED:
        return FlowtrailError(
            f"Access to {where} is denied.",
            "The credentials need s3:ListBucket on the bucket and s3:GetObject on its objects"
            " (and kms:Decrypt when they are encrypted with KMS). Where the requester pays, give --requester-pays."
            f" `flowtrail check {bucket_of(where)}` says who you are.",
        )
    if code in EXPIRED:
        return FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN)
    if code in BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN)
    if code == "RequestTimeTooSkewed":
        return FlowtrailError("AWS does not accept requests: this machine's clock is wrong.", "Set the clock.")
    if code in _ELSEWHERE:
        return FlowtrailError(
            f"{where} is in another region: {said or code}", "Give the bucket's region with --aws-region (AWS_REGION)."
        )
    if code in _SLOW:
        return FlowtrailError(
            f"{where}: S3 asked to slow down ({code}) more often than we try.",
            "Wait a little and run the same command again: nothing is counted twice.",
        )
    return FlowtrailError(
        f"{where} cannot be read: {code}: {said}", "See what S3 says, then run the same command again."
    )


def bucket_of(where: str) -> str:
    """`s3://bucket/` of an S3 location."""
    return "/".join(where.split("/")[:3]) + "/"
