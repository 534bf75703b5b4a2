"""Who AWS takes us for."""

from botocore.exceptions import BotoCoreError, ClientError

from connectors import aws
from connectors.aws_errors import BAD_KEYS, EXPIRED, LOG_IN, of_the_setting
from schemas.errors import FlowtrailError


def caller() -> str:
    """The ARN of the credentials in use: the one question that needs no permission. Raises FlowtrailError when there
    are none, when AWS does not accept them, or when it cannot be reached."""
    try:
        return str(aws.client("sts").get_caller_identity()["Arn"])
    except ClientError as error:
        answer = error.response.get("Error", {})
        code, said = answer.get("Code", ""), answer.get("Message", "")
        if code in EXPIRED:
            raise FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN) from error
        if code in BAD_KEYS:
            raise FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN) from error
        raise FlowtrailError(f"AWS does not say who we are: {code}: {said}", LOG_IN) from error
    except BotoCoreError as error:
        raise of_the_setting(error, "AWS") from error
