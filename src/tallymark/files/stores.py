"""The kinds of stores, by the scheme of their address: their settings, and how they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from obstore.store import AzureStore, GCSStore, S3Store

from tallymark.files import Files
from tallymark.files.address import check_endpoint, parse
from tallymark.files.cloud import CloudFiles
from tallymark.files.local import LocalFiles
from tallymark.model import Secret

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

REQUEST_FOR = timedelta(minutes=2)
"""A put of 32 MiB ends within it on any line that a report can be sent over."""
RETRIES: RetryConfig = {
    "max_retries": 2,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2)},
}
"""Few: the ledger tries again too, and says so meanwhile."""


class Kind(Protocol):
    """The settings of one kind of store: a frozen dataclass with the field `url`."""

    def open(self) -> Files: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of this machine, or one that is mounted here."""

    url: str

    def __post_init__(self) -> None:
        parse(self.url)

    def open(self) -> Files:
        return LocalFiles(Path(parse(self.url).root))


@dataclass(frozen=True, slots=True, kw_only=True)
class S3:
    """A bucket of Amazon S3, or of a server that speaks like it."""

    url: str
    key_id: str
    secret: Secret
    region: str = "us-east-1"
    endpoint: str = ""
    """Empty: Amazon's."""

    def __post_init__(self) -> None:
        parse(self.url)
        check_endpoint(self.endpoint)

    def open(self) -> Files:
        _, bucket, prefix = parse(self.url)
        held: Any = {
            "access_key_id": self.key_id,
            "secret_access_key": self.secret.reveal(),
            "token": None,
            "expires_at": None,
        }
        store = S3Store(
            bucket,
            prefix=prefix or None,
            region=self.region,
            endpoint=self.endpoint or f"https://s3.{self.region}.amazonaws.com",
            virtual_hosted_style_request=False,
            conditional_put="etag",
            disable_bulk_delete=True,
            skip_signature=False,
            client_options=_client(self.endpoint),
            retry_config=RETRIES,
            credential_provider=lambda: held,
        )
        return CloudFiles(store, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """A container of Azure Blob Storage."""

    url: str
    account: str
    key: Secret
    endpoint: str = ""
    """Empty: Azure's."""

    def __post_init__(self) -> None:
        parse(self.url)
        check_endpoint(self.endpoint)

    def open(self) -> Files:
        _, container, prefix = parse(self.url)
        held: Any = {"access_key": self.key.reveal(), "expires_at": None}
        store = AzureStore(
            container,
            prefix=prefix or None,
            account_name=self.account,
            endpoint=self.endpoint or f"https://{self.account}.blob.core.windows.net",
            use_emulator=False,
            skip_signature=False,
            client_options=_client(self.endpoint),
            retry_config=RETRIES,
            credential_provider=lambda: held,
        )
        return CloudFiles(store, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """A bucket of Google Cloud Storage."""

    url: str
    credentials: Secret
    """The JSON of a service account's key. Without one the client would look around for another."""

    def __post_init__(self) -> None:
        parse(self.url)

    def open(self) -> Files:
        _, bucket, prefix = parse(self.url)
        store = GCSStore(
            bucket,
            prefix=prefix or None,
            service_account_key=self.credentials.reveal(),
            client_options=_client(""),
            retry_config=RETRIES,
        )
        return CloudFiles(store, self.url)


KINDS: Mapping[str, type[Kind]] = {"file": Folder, "s3": S3, "az": Azure, "gs": Google}


def _client(endpoint: str) -> ClientConfig:
    return {"timeout": REQUEST_FOR, "allow_http": endpoint.startswith("http://")}
