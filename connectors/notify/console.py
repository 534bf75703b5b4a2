"""Messages on standard output: text, or one JSON document per line."""

import json
import sys
from dataclasses import dataclass

from connectors.notify.channel import NotSent
from schemas.watching import Message


@dataclass(frozen=True)
class Console:
    """Standard output."""

    as_json: bool = False

    @property
    def name(self) -> str:
        return "stdout"

    def send(self, message: Message) -> None:
        text = json.dumps(message.body, sort_keys=True) if self.as_json else f"{message.text}\n"
        # Not sys.stdout: while a pipeline runs, what libraries print there is sent to standard error.
        out = sys.__stdout__
        if out is None:
            raise NotSent("this process has no standard output")
        out.write(f"{text}\n")
        out.flush()
