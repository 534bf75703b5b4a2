"""Reads whole small objects with obstore, in a third of the CPU time that boto3 takes for each: flow log buckets hold
very many of them.

It returns exactly the bytes that were requested, or nothing. In that case boto3 repeats the request: it handles
redirects, retries and error messages.
"""

import logging
import threading
from datetime import timedelta
from typing import Any

from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from connectors.aws import clients
from connectors.aws.access import DEFAULT, Access
from schemas.object_ref import ObjectRef

SMALL = 8 << 20
"""Size in bytes up to which an object is read this way; for larger ones it makes no difference."""

STRIKES = 3
"""After this many consecutive failures not caused by the object (a proxy, a redirect, ...), only boto3 is used."""

_log = logging.getLogger(__name__)
_OPTIONS: Any = {"allow_http": True, "connect_timeout": "10s", "timeout": "60s"}
_ONCE: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}


class QuickGet:
    """GETs of whole objects, with the endpoint and region of `client`, a boto3 client."""

    def __init__(self, client: Any, access: Access = DEFAULT) -> None:
        self._meta = client.meta
        self._access = access
        self._stores: dict[str, S3Store] = {}
        self._lock = threading.Lock()
        self._strikes = 0

    def get(self, ref: ObjectRef) -> bytes | None:
        """The object's bytes, of the version in `ref`; None when boto3 should read it."""
        if ref.size > SMALL or self._strikes >= STRIKES:
            return None
        pin: Any = {"version": ref.version_id} if ref.version_id else {"if_match": f'"{ref.etag}"'}
        try:
            body = bytes(self._store(ref.bucket).get(ref.key, options=pin).bytes())
        except (FileNotFoundError, PreconditionError):
            return None
        except (BaseError, OSError, ValueError) as error:
            self._strikes += 1
            _log.info("%s: %s; retrying with boto3", ref.url, error)
            return None
        self._strikes = 0
        return body if len(body) == ref.size else None

    def _store(self, bucket: str) -> S3Store:
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = _store(bucket, self._meta.endpoint_url, self._meta.region_name, self._access)
            return self._stores[bucket]


def _store(bucket: str, endpoint: str, region: str, access: Access) -> S3Store:
    more: dict[str, Any] = {"request_payer": True} if access.requester_pays else {}
    if access.unsigned:
        more["skip_signature"] = True
    else:
        more["credential_provider"] = Boto3CredentialProvider(clients.session(access), ttl=timedelta(minutes=5))
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=region,
        virtual_hosted_style_request=False,
        client_options=_OPTIONS,
        retry_config=_ONCE,
        **more,
    )
