"""GitHub's counters of a repository: stars, forks, watchers, open pull requests.

Source: https://docs.github.com/en/rest/repos/repos#get-a-repository
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import orjson

from tallymark.connectors import Client, Response
from tallymark.errors import FatalError, Refused, RetryableError
from tallymark.model import Field, Page, Rejected, Row, Secret, Span, Stream

_REPO = re.compile(r"(?!\.+/)[\w.-]+/(?!\.+$)[\w.-]+", re.ASCII)
_PATH = re.compile(r"/repos/([^/?#]+/[^/?#]+)(/pulls)?(?:[?#]|$)")
_LAST = re.compile(r'<([^>]*)>\s*;[^,<]*rel="?last"?')
# `watchers_count` is a second name of the stars; who watches is in `subscribers_count`
_COUNTERS = {
    "stars": "stargazers_count",
    "forks": "forks_count",
    "watchers": "subscribers_count",
}


@dataclass(frozen=True)
class GitHub:
    """A repository's counters, read once a period; two calls a reading."""

    kind: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            name="repositories",
            kind="gauge",
            fields=(
                Field("repo", "text", "owner/name, as the source names it"),
                Field("stars", "long", "people who starred it"),
                Field("forks", "long", "forks of it"),
                Field("watchers", "long", "people who watch it"),
                Field("pulls", "long", "open pull requests"),
            ),
            subject="repo",
            key=("repo", "ts"),
        ),
    )

    base_url: str = "https://api.github.com"
    token: Secret | None = None

    def pages(self, client: Client, span: Span, cursor: str | None) -> Iterator[Page]:
        if not _REPO.fullmatch(span.subject):
            raise FatalError(f"{span.subject!r} is no repository: write owner/name")
        repo = f"{self.base_url.rstrip('/')}/repos/{span.subject}"
        if cursor is None:
            yield self._get(client, repo, dict).page(cursor="pulls")
        yield self._get(client, f"{repo}/pulls?state=open&per_page=1", list).page()

    def _get(self, client: Client, url: str, shape: type) -> Response:
        headers = {
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }
        secret = {"authorization": f"Bearer {self.token.reveal()}"} if self.token else {}
        try:
            answer = client.get(url, headers=headers, secret_headers=secret)
        except Refused as error:
            raise FatalError(f"{error}. {_what_to_do(error.status)}") from error
        if not isinstance(answer.json(), shape):
            raise RetryableError(f"{url} answered something else than GitHub does")
        return answer

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        first: Page | None = None
        values: dict[str, Any] = {}
        rejected: list[Rejected] = []
        for page in pages:
            found = _PATH.search(page.url)
            try:
                if found is None:
                    raise ValueError("an address that is not a repository's")
                if found.group(2):
                    values["pulls"] = _pulls(page)
                else:
                    counted = _counters(page)
                    first = page
                    values |= {"ts": page.received_at, "repo": found.group(1), **counted}
            except ValueError as error:
                rejected.append(Rejected(page, page.body.decode("utf-8", "replace"), str(error)))
        if first:
            yield Row(first, values)
        yield from rejected


def _what_to_do(status: int) -> str:
    if status == 404:
        return "Correct the repository's name, or give a token that may read it"
    if status in (401, 403):
        return "Give the source a token that may read the repository"
    return "Look at the repository on GitHub, or take it out of the source"


def _counters(page: Page) -> dict[str, int]:
    body = orjson.loads(page.body)
    if not isinstance(body, dict):
        raise ValueError("not a repository")
    return {name: _count(body.get(key), key) for name, key in _COUNTERS.items()}


def _pulls(page: Page) -> int:
    """One a page: the number of the last page is the number of them."""
    if last := _LAST.search(page.headers.get("link", "")):
        number = parse_qs(urlsplit(last.group(1)).query).get("page", [""])[0]
        return _count(int(number) if number.isascii() and number.isdigit() else None, "page")
    body = orjson.loads(page.body)
    if not isinstance(body, list):
        raise ValueError("not a list of pull requests")
    return len(body)


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} is no count")
    return value
