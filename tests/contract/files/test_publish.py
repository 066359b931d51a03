"""A file is put where nobody else changed it meanwhile, whole or not at all."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tallymark.errors import ClaimLost, CommitConflict, NotFound, RetryableError
from tallymark.files import Files, Stat, StillOurs, cloud
from tests.contract.files.local import Write, lost, ours
from tests.servers.azurite import Azurite
from tests.servers.s3 import S3
from tests.stores import STORES, azure_at, opener, s3_at

LARGE_BYTES = 10 << 20
SIZES = pytest.mark.parametrize("n_bytes", [0, 1000, LARGE_BYTES], ids=["none", "small", "large"])


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Files]:
    return opener(request.param, request, tmp_path, "reports/of us")


@pytest.fixture(autouse=True)
def _soon_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two full parts are enough; the least part that S3 takes is 5 MiB."""
    monkeypatch.setattr(cloud, "SMALL_BYTES", 1 << 20)
    monkeypatch.setattr(cloud, "UPLOAD_BYTES", 5 << 20)


@pytest.fixture
def files(make: Callable[[], Files]) -> Files:
    return make()


@SIZES
def test_a_file_is_put_over_what_was_seen(files: Files, local: Write, n_bytes: int) -> None:
    first = files.publish("a/x", local("one", n_bytes), None, ours)
    assert files.stat("a/x") == first
    assert first.bytes == n_bytes
    files.put("a/x", b"other")
    seen = files.stat("a/x")
    assert seen is not None
    assert seen.etag != first.etag
    second = files.publish("a/x", local("two", n_bytes), seen, ours)
    assert files.stat("a/x") == second
    assert b"".join(files.chunks("a/x")) == local("two", n_bytes).read_bytes()


@SIZES
def test_what_somebody_else_put_meanwhile_stays(files: Files, local: Write, n_bytes: int) -> None:
    files.put("a/x", b"seen")
    seen = files.stat("a/x")
    files.put("a/x", b"theirs")
    for known in (seen, None):
        with pytest.raises(CommitConflict):
            files.publish("a/x", local("ours", n_bytes), known, ours)
    assert files.get("a/x") == b"theirs"
    files.delete("a/x")
    with pytest.raises(CommitConflict):
        files.publish("a/x", local("ours", n_bytes), seen, ours)
    assert files.stat("a/x") is None


@SIZES
def test_the_same_content_put_already_is_a_success(
    files: Files, local: Write, n_bytes: int
) -> None:
    there = files.publish("a/x", local("one", n_bytes), None, ours)
    for seen in (None, Stat("another", 5)):
        assert files.publish("a/x", local("one", n_bytes), seen, ours) == there


@SIZES
def test_a_file_is_not_put_by_who_lost_the_claim(files: Files, local: Write, n_bytes: int) -> None:
    with pytest.raises(ClaimLost):
        files.publish("a/x", local("one", n_bytes), None, lost)
    assert files.stat("a/x") is None
    assert list(files.list("")) == []


def test_an_upload_is_given_up_when_all_its_parts_have_arrived_and_they_are_removed(
    s3: S3, local: Write
) -> None:
    """A part that is still on its way when an upload is given up may stay for ever."""
    bucket = s3.data / s3.make_bucket()
    arrived: list[int] = []

    def lost() -> None:
        arrived.extend(path.stat().st_size for path in bucket.rglob("*") if path.is_file())
        raise ClaimLost

    with pytest.raises(ClaimLost):
        s3_at(s3, bucket.name)().publish("a/x", local("one", LARGE_BYTES), None, lost)
    assert arrived == [LARGE_BYTES // 2] * 2
    assert [path for path in bucket.rglob("*") if path.is_file()] == []


def test_the_claim_is_asked_for_when_all_of_a_large_file_has_been_read(
    files: Files, local: Write
) -> None:
    asked: list[Stat | None] = []
    other = threading.Thread(target=lambda: asked.append(files.stat("a/x")))

    def still_ours() -> None:
        # in a thread: the client cannot be asked while it asks
        other.start()
        other.join()

    files.publish("a/x", local("one", LARGE_BYTES), None, still_ours)
    assert asked == [None]


def test_of_many_who_publish_at_once_one_wins(make: Callable[[], Files], local: Write) -> None:
    make().put("a/x", b"seen")
    seen = make().stat("a/x")
    paths = [local(str(n)) for n in range(8)]
    start, won = threading.Barrier(8), []

    def publish(path: Path) -> None:
        files = make()
        start.wait()
        try:
            files.publish("a/x", path, seen, ours)
        except CommitConflict:
            return
        won.append(path)

    threads = [threading.Thread(target=publish, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert make().get("a/x") == won[0].read_bytes()


def test_who_compares_at_the_same_time_as_another_does_not_overwrite_it(
    make: Callable[[], Files], local: Write
) -> None:
    """Each has looked, and found what it saw; only one may go on."""
    make().put("a/x", b"seen")
    seen = make().stat("a/x")
    won = []

    def publish(word: str, still_ours: StillOurs) -> None:
        with suppress(CommitConflict):
            make().publish("a/x", local(word), seen, still_ours)
            won.append(word)

    other = threading.Thread(target=publish, args=("other", ours))

    def meanwhile() -> None:
        other.start()
        other.join(0.3)

    publish("one", meanwhile)
    other.join()
    assert len(won) == 1
    assert make().get("a/x") == local(won[0]).read_bytes()


def test_an_upload_that_the_store_lost_is_begun_again(s3: S3, local: Write) -> None:
    bucket = s3.make_bucket()

    def meanwhile() -> None:
        shutil.rmtree(s3.data / bucket / ".sgwtmp")

    with pytest.raises(RetryableError, match="is not there"):
        s3_at(s3, bucket)().publish("a/x", local("one", LARGE_BYTES), None, meanwhile)


@pytest.mark.parametrize("n_bytes", [1000, LARGE_BYTES])
def test_a_bucket_that_is_not_there_is_said_until_it_is_there(
    s3: S3, azurite: Azurite, local: Write, n_bytes: int
) -> None:
    # names of this test alone
    name = f"later-{os.getpid()}-{n_bytes}"
    made = (lambda: (s3.data / name).mkdir(), lambda: azurite.make_container(name))
    for files, make in zip((s3_at(s3, name)(), azure_at(azurite, name)()), made, strict=True):
        for call in (
            lambda files=files: files.publish("a/x", local("one", n_bytes), None, ours),
            lambda files=files: files.put("a/x", b"1"),
            lambda files=files: list(files.list("")),
        ):
            with pytest.raises(RetryableError, match=name):
                call()
        make()
        files.publish("a/x", local("one", n_bytes), None, ours)
        assert list(files.list("")) == ["a/x"]


def test_refused_credentials_are_said_without_showing_them(
    s3: S3, azurite: Azurite, local: Write
) -> None:
    wrong = base64.b64encode(b"canary").decode()
    bucket, container = s3.make_bucket(), azurite.make_container()
    for files in (
        s3_at(replace(s3, secret="canary"), bucket)(),
        s3_at(replace(s3, key="nobody"), bucket)(),
        azure_at(replace(azurite, key=wrong), container)(),
    ):
        for call in (
            lambda files=files: files.publish("a/x", local("one"), None, ours),
            lambda files=files: files.stat("a/x"),
            lambda files=files: list(files.list("a/")),
        ):
            with pytest.raises(RetryableError, match=r"refuses the credentials|403") as told:
                call()
            assert "canary" not in str(told.value)
            assert wrong not in str(told.value)


@SIZES
def test_a_copy_is_kept_once(files: Files, local: Write, n_bytes: int) -> None:
    files.publish("a/x", local("one", n_bytes), None, ours)
    assert files.copy_if_absent("a/x", "backup/a/x", ours) is True
    files.publish("a/x", local("two", n_bytes), files.stat("a/x"), ours)
    assert files.copy_if_absent("a/x", "backup/a/x", ours) is False
    assert b"".join(files.chunks("backup/a/x")) == local("one", n_bytes).read_bytes()


def test_what_is_not_there_cannot_be_read_or_copied(files: Files) -> None:
    assert files.stat("a/x") is None
    with pytest.raises(NotFound):
        list(files.chunks("a/x"))
    with pytest.raises(NotFound):
        files.copy_if_absent("a/x", "b/x", ours)
    files.put("b/x", b"kept")
    # an earlier attempt may have removed it after its copy
    assert files.copy_if_absent("a/x", "b/x", ours) is False


@pytest.mark.parametrize(
    "key",
    ["a b/ü ~!'()*;:@&=+$,.csv", "50%25/a%2Fb/%zz.csv", "日本/кириллица/x", "a#b?c=d&e", "..a/b.."],
)
def test_a_key_is_taken_as_it_is(files: Files, local: Write, key: str) -> None:
    files.publish(key, local("one"), None, ours)
    files.copy_if_absent(key, f"backup/{key}", ours)
    assert sorted(files.list("")) == sorted([key, f"backup/{key}"])
    assert files.get(key) == local("one").read_bytes()
    files.delete(key)
    assert list(files.list("")) == [f"backup/{key}"]
