"""Which AWS identity is used."""

from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws import clients
from connectors.aws.access import DEFAULT, Access
from connectors.aws.errors import BAD_KEYS, EXPIRED, LOG_IN, setup_error
from schemas.errors import FlowtrailError


def caller(access: Access = DEFAULT) -> str:
    """The ARN of the credentials in use; this call needs no permission. Raises FlowtrailError when there are none, when
    AWS does not accept them, or when AWS cannot be reached."""
    try:
        return str(clients.client("sts", access).get_caller_identity()["Arn"])
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = details.get("Code", ""), details.get("Message", "")
        if code in EXPIRED:
            raise FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN) from error
        if code in BAD_KEYS:
            raise FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN) from error
        raise FlowtrailError(f"The AWS identity cannot be determined: {code}: {message}", LOG_IN) from error
    except BotoCoreError as error:
        raise setup_error(error, "AWS") from error
