"""The one HTTP client: time-outs, Retry-After, conditions, the guard at the socket, the error map.

    get(url)
      conditions.last(url)           -> If-None-Match
      each hop, three redirects at most:
        budget.take()                -> a request that the vendor's quota allows
        guard                        -> the socket goes to a judged address, or AddressRefused
        body, capped while it comes
      outcome                        -> Response, or the error that says what to do

It never retries and never sleeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import httpcore
import httpx

from tallymark import __version__
from tallymark.clock import Clock
from tallymark.errors import FatalError, RetryableError
from tallymark.model import Page
from tallymark.net.answer import Answer, capped, inflated, plain_headers, where_of
from tallymark.net.guard import Deadline, GuardedBackend, Resolve, parse_url, resolve
from tallymark.net.outcome import broken, failure, limited, quota_gone, wait_s

MAX_REDIRECTS = 3

__all__ = ["Answer", "Budget", "Client", "Conditions", "Known", "Net"]


class Budget(Protocol):
    """How many requests a source may send, over all nodes."""

    def take(self) -> None:
        """Raises: RetryableError with `retry_after_s` when none is left."""
        ...

    def block(self, until_at: datetime) -> None:
        """The vendor refuses everything until then."""
        ...


class Known(NamedTuple):
    """The last full answer of a URL: what a 304 would repeat."""

    etag: str
    key: str
    """Where the archive holds it."""
    page: Page


class Conditions(Protocol):
    """What is known of a URL."""

    def last(self, url: str) -> Known | None:
        """None also where the archived page is gone: then the question is unconditional."""
        ...


class Net:
    """Connections and their guard, shared by all clients of a process."""

    def __init__(
        self,
        allow: frozenset[str],
        clock: Clock,
        timeout_s: float = 30.0,
        *,
        total_s: float = 300.0,
        resolve: Resolve = resolve,
    ) -> None:
        self.clock = clock
        self._timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
        self._total_s = total_s
        self._deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            keepalive_expiry=3.0,
            network_backend=GuardedBackend(allow, clock, self._deadline, resolve),
        )

    def client(self, budget: Budget, conditions: Conditions) -> Client:
        return Client(self, budget, conditions)

    def close(self) -> None:
        self._pool.close()

    def send(self, url: httpx.URL, headers: Mapping[str, str]) -> Answer:
        """One exchange, whatever its status. Raises: AddressRefused, RetryableError, FatalError."""
        self._deadline.at_s = self.clock.monotonic() + self._total_s
        try:
            with self._pool.stream(
                "GET",
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=[(b"host", url.netloc), *_ascii(headers)],
                extensions={"timeout": self._timeouts},
            ) as response:
                answered = plain_headers(response.headers)
                body = inflated(capped(response.iter_stream()), answered, where_of(url))
                return Answer(str(url), response.status, answered, body, self.clock.now())
        except UnicodeEncodeError:
            raise FatalError(f"a header for {where_of(url)} is not plain text") from None
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ) as error:
            # without its cause: the library's message can hold a header, and so a token
            raise broken(where_of(url), error) from None


class Client:
    """The client of one source, as a connector sees it (`connectors.Client`)."""

    def __init__(self, net: Net, budget: Budget, conditions: Conditions) -> None:
        self._net = net
        self._budget = budget
        self._conditions = conditions

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Answer:
        asked = parse_url(url).copy_merge_params(params or {})
        known = self._conditions.last(str(asked))
        plain = {
            "accept": "*/*",
            "accept-encoding": "gzip",
            "user-agent": f"tallymark/{__version__}",
            **{name.lower(): value for name, value in (headers or {}).items()},
            **({"if-none-match": known.etag} if known else {}),
        }
        answer = self._follow(asked, plain, secret_headers or {})
        self._judge(asked, answer)
        if answer.status != 304:
            return replace(answer, url=str(asked))
        if known is None:
            raise RetryableError(
                f"{where_of(asked)} answered 304 to a question without a condition"
            )
        merged = {**known.page.headers, **answer.headers}
        return replace(
            answer, url=str(asked), headers=merged, body=known.page.body, repeats=known.key
        )

    def _follow(
        self, url: httpx.URL, plain: Mapping[str, str], secret: Mapping[str, str]
    ) -> Answer:
        """Redirects by hand: every hop is guarded, and a secret never leaves its origin."""
        origin = _origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            self._budget.take()
            answer = self._net.send(url, {**plain, **(secret if _origin(url) == origin else {})})
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = _next(url, answer.headers.get("location"))
        raise FatalError(f"{where_of(url)} redirects more than {MAX_REDIRECTS} times")

    def _judge(self, url: httpx.URL, answer: Answer) -> None:
        now = answer.received_at
        error = failure(where_of(url), answer.status, answer.headers, answer.body, now)
        if limited(answer.status, answer.headers, answer.body) or quota_gone(answer.headers):
            wait = error.retry_after_s if isinstance(error, RetryableError) else None
            wait = wait_s(answer.headers, now) if wait is None else wait
            if wait:
                self._budget.block(now + timedelta(seconds=wait))
        if error:
            raise error


def _ascii(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def _origin(url: httpx.URL) -> tuple[str, str]:
    return url.scheme, where_of(url)


def _next(url: httpx.URL, location: str | None) -> httpx.URL:
    if not location:
        raise FatalError(f"{where_of(url)} redirects to nowhere")
    try:
        joined = url.copy_with(fragment=None).join(location)
    except httpx.InvalidURL:
        return parse_url("")
    return parse_url(str(joined))
