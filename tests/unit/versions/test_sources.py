"""Data that lies elsewhere: on a real S3 server, behind HTTP, in a folder; and servers that hang, refuse or change."""

import gc
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from blake3 import blake3

from workbench.config import CharterData
from workbench.versions import sources
from workbench.versions.data import contents, take
from workbench.versions.objects import Objects
from workbench.versions.places import Place, attend, identity
from workbench.versions.sources import Source

TABLE = b"a,b\n1,2\n3,4\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[Callable[..., None]]:
    """A real S3 server with a bucket named data: put("name", bytes)."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "*")
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield lambda name, content: client.put_object(Bucket="data", Key=name, Body=content)
    server.stop()


@pytest.fixture
def store(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "inner" / "objects")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A web server that says when its files changed: its address, its folder, the requests that it got."""
    folder, requests = tmp_path / "web", list[str]()
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            requests.append(str(args[0]).split(" ")[0])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder, requests
        server.shutdown()


def test_tells_urls_from_paths_and_globs() -> None:
    assert all(map(sources.is_url, ("s3://bucket/a.csv", "https://h/a", "file:///a", "zip://a.csv::s3://b/c.zip")))
    assert not any(map(sources.is_url, ("data/a.csv", "data/**/*.csv", "C:/data", "a:b", "./s3:/x", "")))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://ada:s3cret@host/a.csv", "sftp://ada:***@host/a.csv"),
        ("https://ghp_token@host/a.csv", "https://***@host/a.csv"),
        ("https://ada:s3cret@host:8080/a@b", "https://***@host:8080/a@b"),
        ("https://host/a?X-Amz-Signature=abc&part=1", "https://host/a?X-Amz-Signature=***&part=1"),
        ("zip://a::ftp://u:p@h/z", "zip://a::ftp://u:***@h/z"),
        ("s3://bucket/a:b@c.csv", "s3://bucket/a:b@c.csv"),
    ],
)
def test_shows_no_credentials(url: str, shown: str) -> None:
    assert sources.shown(url) == shown


def test_keeps_a_file_of_a_bucket_and_reads_it_again_only_when_it_changed(
    s3: Callable[..., None], store: Objects, tmp_path: Path
) -> None:
    s3("one/train.csv", TABLE)
    first = sources.take("s3://data/one/train.csv", store, keep=True, cache=tmp_path / "cache")
    assert (first.problem, first.kind, first.hash, first.size, first.rows, first.kept) == (
        "", "file", blake3(TABLE).hexdigest(), len(TABLE), 2, True,
    )  # fmt: skip
    assert store.content(first.hash) == TABLE
    again = sources.take("s3://data/one/train.csv", store, keep=True, cache=tmp_path / "cache")
    assert (again.hash, again.rows, again.read, first.read) == (first.hash, 2, False, True)
    s3("one/train.csv", TABLE + b"5,6\n")
    third = sources.take("s3://data/one/train.csv", store, keep=True, cache=tmp_path / "cache")
    assert third.read
    assert store.content(third.hash) == TABLE + b"5,6\n"
    assert sources.changed(third.path, first.hash, third.hash) == (
        f"s3://data/one/train.csv changed: {first.hash[:8]}… → {third.hash[:8]}…"
    )


def test_a_folder_and_a_glob_of_a_bucket_have_the_hash_of_the_same_folder_here(
    s3: Callable[..., None], store: Objects, tmp_path: Path
) -> None:
    for name in ("a.csv", "sub/b.csv"):
        s3(f"two/{name}", TABLE + name.encode())
        path = tmp_path / "here" / "two" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TABLE + name.encode())
    s3("two/note.txt", b"not asked for")
    found = sources.take("s3://data/two/**/*.csv", store, keep=True, cache=tmp_path / "cache")
    (here,) = take(tmp_path / "here", Objects(tmp_path / "other"), ["two"])
    assert (found.problem, found.kind, found.files, found.hash) == ("", "folder", 2, here.hash)
    assert all(store.has(hash) for hash in contents(store, "folder", found.hash))
    assert sources.take("s3://data/two", store, keep=True).files == 3


def test_only_the_changed_file_of_a_folder_is_read_again(tmp_path: Path, store: Objects) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    url = folder.as_uri()
    first = sources.take(url, store, keep=True, cache=tmp_path / "cache")
    (folder / "b").write_text("new")
    seen: list[int] = []
    second = sources.take(url, store, keep=True, cache=tmp_path / "cache", tick=lambda pulse: seen.append(pulse.bytes))
    assert (first.hash != second.hash, max(seen)) == (True, 3)


def test_a_source_that_may_not_be_copied_leaves_nothing_but_facts(
    s3: Callable[..., None], store: Objects, tmp_path: Path
) -> None:
    s3("secret.csv", TABLE)
    found = sources.take("s3://data/secret.csv", store, keep=False, cache=tmp_path / "cache")
    assert (found.hash, found.size, found.kept, found.by) == (blake3(TABLE).hexdigest(), len(TABLE), False, "bytes")
    assert not any(path.is_file() for path in store.folder.parent.rglob("*"))
    assert not sources.take("s3://data/secret.csv", store, keep=False, cache=tmp_path / "cache").read


def test_a_large_source_that_may_not_be_copied_is_known_by_its_servers_word(
    s3: Callable[..., None], store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "READ_THROUGH", 4)
    s3("large.csv", TABLE)
    first = sources.take("s3://data/large.csv", store, keep=False)
    s3("large.csv", TABLE[::-1])
    second = sources.take("s3://data/large.csv", store, keep=False)
    assert (first.by, first.facts["by"], first.hash != second.hash, len(first.hash)) == ("server", "server", True, 64)
    assert first.hash != blake3(TABLE).hexdigest()


def test_what_the_web_serves_unchanged_costs_one_request(
    web: tuple[str, Path, list[str]], store: Objects, tmp_path: Path
) -> None:
    address, folder, requests = web
    (folder / "a.csv").write_bytes(TABLE)
    first = sources.take(f"{address}/a.csv", store, keep=True, cache=tmp_path / "cache")
    assert (first.problem, first.hash) == ("", blake3(TABLE).hexdigest())
    requests.clear()
    assert not sources.take(f"{address}/a.csv", store, keep=True, cache=tmp_path / "cache").read
    assert requests == ['"HEAD'] or len(requests) == 1


def test_a_broken_transfer_goes_on_where_it_was(
    tmp_path: Path, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "large.bin"
    source.write_bytes(os.urandom(100_000))
    monkeypatch.setattr("workbench.versions.places.BLOCK", 10_000)
    read: list[int] = []
    blocks = Place.blocks

    def breaking(self: Place, name: str, pulse: object, offset: int = 0) -> Iterator[bytes]:
        for block in blocks(self, name, pulse, offset):  # type: ignore[arg-type]
            if not offset and len(read) == 5:
                raise ConnectionResetError("the line is dead")
            read.append(len(block))
            yield block

    monkeypatch.setattr(Place, "blocks", breaking)
    broken = sources.take(source.as_uri(), store, keep=True)
    assert "the line is dead" in broken.problem
    found = sources.take(source.as_uri(), store, keep=True)
    assert (found.problem, found.hash, sum(read)) == ("", blake3(source.read_bytes()).hexdigest(), 100_000)


def test_a_source_that_changes_while_it_is_read_is_refused_by_name(
    tmp_path: Path, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "moving.csv"
    source.write_bytes(TABLE)
    blocks = Place.blocks

    def changing(self: Place, name: str, pulse: object, offset: int = 0) -> Iterator[bytes]:
        yield from blocks(self, name, pulse, offset)  # type: ignore[arg-type]
        source.write_bytes(TABLE + b"9,9\n")

    monkeypatch.setattr(Place, "blocks", changing)
    assert sources.take(source.as_uri(), store, keep=False).problem.endswith("moving.csv changed while it was read")


def test_what_is_missing_refuses_or_needs_a_package_says_so(s3: Callable[..., None], store: Objects) -> None:
    def problem(url: str) -> str:
        return sources.take(url, store, keep=True).problem

    assert problem("s3://data/nothing.csv") == "s3://data/nothing.csv does not exist"
    assert problem("s3://data/none-*.csv") == "s3://data: nothing matches"
    assert problem("s3://nobucket/a.csv") == "s3://nobucket/a.csv does not exist"
    assert problem("nope://a/b") == "nope://a/b: no such kind of place"
    assert problem("gs://a/b") == "gs:// needs gcsfs, which is not installed"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = problem(f"http://ada:s3cret@127.0.0.1:{closed.getsockname()[1]}/a.csv")
    assert refused
    assert "s3cret" not in refused


def test_a_server_that_never_answers_is_given_up(store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_NETWORK_SECONDS", "0.3")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = sources.take(f"http://127.0.0.1:{silent.getsockname()[1]}/a.csv", store, keep=True)
    assert found.problem
    assert found.hash == ""


def test_a_job_that_hangs_is_left_alone_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()
    with pytest.raises(Exception, match="no answer for"):
        attend([lambda pulse: bool(forever.wait()) or None], limit=0.2)
    forever.set()


def test_an_upload_that_breaks_is_nothing_on_the_server(
    s3: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    monkeypatch.setattr("workbench.versions.places.BLOCK", 5 << 20)
    place = Place("s3://data/uploads")

    def breaking() -> Iterator[bytes]:
        yield b"x" * (6 << 20)
        yield b"x" * (6 << 20)
        raise ConnectionResetError("the line is dead")

    with pytest.raises(ConnectionResetError):
        attend([lambda pulse: place.write("broken.bin", breaking(), pulse)])
    gc.collect()  # a file of the driver that is collected would be committed
    assert place.find() == {}
    assert "Uploads" not in boto3.client("s3").list_multipart_uploads(Bucket="data")
    attend([lambda pulse: place.write("sound.bin", iter([b"x" * (6 << 20)] * 2), pulse)])
    assert {name: facts["size"] for name, facts in place.find().items()} == {"sound.bin": 12 << 20}


def test_the_word_of_a_server_is_its_checksum_before_its_clock() -> None:
    assert identity({"ETag": '"a"', "LastModified": 1, "size": 3}) == identity(
        {"ETag": '"a"', "LastModified": 2, "size": 3}
    )
    assert identity({"mtime": 1.5, "size": 3}) != identity({"mtime": 2.5, "size": 3})
    assert identity({"size": 3, "name": "a"}) == ""


def test_what_the_configuration_declares_goes_with_each_version() -> None:
    table = CharterData("logs", "s3://data/logs/", owner="Ada", region="eu", copy="never", retention_days=30)
    assert sources.declared([table], "s3://data/logs") is table
    assert sources.declared([table], "s3://data/other") is None
    assert sources.facts_of(table) == {"owner": "Ada", "region": "eu", "retention_days": 30, "copy": "never"}


def test_versions_past_their_retention_are_listed() -> None:
    day = sources.DAY
    rows = [(1, 0.0, '{"retention_days": 30}'), (2, 0.0, "{}"), (3, 5 * day, '{"retention_days": 30}'), (4, 0.0, "[")]
    assert sources.expired(rows, 31 * day) == [1]
    assert sources.expired(rows, 36 * day) == [1, 3]


def test_a_source_is_what_a_run_reads() -> None:
    assert Source("s3://a/b").rows is None
