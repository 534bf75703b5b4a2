"""An Amazon SNS topic, for what SNS delivers to: e-mail, queues, AWS Chatbot, PagerDuty and others."""

import re
from dataclasses import dataclass, replace

from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws import clients
from connectors.aws.access import DEFAULT, Access
from connectors.notify.channel import NotSent
from schemas.errors import FlowtrailError
from schemas.watching import Message

LONGEST = 99
"""Characters of a subject: SNS wants fewer than 100, without control characters."""


@dataclass(frozen=True)
class Topic:
    """A topic, in the region that its ARN names."""

    arn: str
    access: Access = DEFAULT

    @property
    def name(self) -> str:
        return self.arn

    def send(self, message: Message) -> None:
        access = replace(self.access, region=self.arn.split(":")[3])
        subject = re.sub(r"[^\x20-\x7e]+", " ", message.title)[:LONGEST].strip()
        try:
            clients.client("sns", access, read_timeout=5).publish(
                TopicArn=self.arn, Subject=subject or "Flowtrail", Message=message.text
            )
        except (BotoCoreError, ClientError, FlowtrailError) as error:
            raise NotSent(str(error)) from None
