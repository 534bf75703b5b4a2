"""Errors that a person can act on, and objects that cannot be read."""

from schemas.object_ref import ObjectRef


class FlowtrailError(Exception):
    """A problem with the environment or the request: what is wrong (`message`) and how to fix it (`remedy`)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class BadObject(Exception):
    """An object that cannot be read: it becomes a dead letter and does not stop the run.

    `reason` is a stable code (`truncated-gzip`, `not-json`, ...), `detail` a readable explanation.
    """

    def __init__(self, ref: ObjectRef, reason: str, detail: str) -> None:
        super().__init__(f"{ref.url}: {reason}: {detail}")
        self.ref = ref
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["BadObject"], tuple[ObjectRef, str, str]]:
        return BadObject, (self.ref, self.reason, self.detail)
