"""Runs whose data lies elsewhere: fetched before the command, versioned, watched for changes, and never in the way."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from workbench.actions import data as data_actions
from workbench.project import Project
from workbench.versions.objects import Objects

TABLE = b"a,b\n1,2\n3,4\n"
SCRIPT = """
import json, os
for url, path in json.loads(os.environ["WORKBENCH_INPUTS"]).items():
    with open(path) as file:
        print(f"lines: {len(file.readlines())}")
"""


@pytest.fixture
def put(s3: Any) -> Callable[[str, bytes], None]:
    """Put content into the bucket: put("name", bytes)."""
    return lambda name, content: s3.put_object(Bucket="team", Key=name, Body=content)


def configured(url: str, more: str = "") -> str:
    return f'[project]\nname = "test"\n[train]\ncommand = "python train.py"\ninputs = ["{url}"]\n{more}'


def shown(run_cli: Callable[..., Any], project: Project) -> Any:
    return run_cli("show", "@latest", "--json", folder=project.folder).json


def test_a_run_finds_what_lies_in_a_bucket_and_says_when_it_changed(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], put: Callable[[str, bytes], None]
) -> None:
    put("train.csv", TABLE)
    owned = '[[charter.data]]\nname = "flights"\nwhere = "s3://team/train.csv"\nowner = "Ada"\nregion = "eu"\n'
    project = make_project({"train.py": SCRIPT}, configured("s3://team/train.csv", owned))
    assert run_cli("run", folder=project.folder).code == 0
    first = shown(run_cli, project)
    assert first["metrics"]["lines"] == 3
    assert [(one["path"], one["hash"], one["rows"]) for one in first["data"]] == [
        ("s3://team/train.csv", blake3(TABLE).hexdigest(), 2)
    ]
    assert not list(project.runs_folder.glob("*/inputs"))
    put("train.csv", TABLE + b"5,6\n")
    assert run_cli("run", folder=project.folder).code == 0
    second = shown(run_cli, project)
    before, after = first["data"][0]["hash"], second["data"][0]["hash"]
    assert second["metrics"]["lines"] == 4
    assert f"s3://team/train.csv changed: {before[:8]}… → {after[:8]}…" in json.dumps(second, ensure_ascii=False)
    newest, oldest = data_actions.listed(project)
    assert (newest.hash, oldest.hash, oldest.kept) == (after, before, True)
    assert (oldest.facts["owner"], oldest.facts["region"]) == ("Ada", "eu")
    restored = run_cli("data", "restore", f"s3://team/train.csv@{before[:12]}", "--to", "back", folder=project.folder)
    assert restored.code == 0, restored.err
    assert (project.folder / "back/train.csv").read_bytes() == TABLE


def test_what_may_not_be_copied_is_known_but_stays_where_it_is(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], put: Callable[[str, bytes], None]
) -> None:
    put("secret.csv", TABLE)
    never = '[[charter.data]]\nwhere = "s3://team/secret.csv"\ncopy = "never"\nretention_days = 30\n'
    project = make_project({"train.py": SCRIPT}, configured("s3://team/secret.csv", never))
    assert run_cli("run", folder=project.folder).code == 0
    run = shown(run_cli, project)
    assert (run["data"][0]["hash"], "lines" in run["metrics"]) == (blake3(TABLE).hexdigest(), False)
    (version,) = data_actions.listed(project)
    assert (version.kept, version.facts["retention_days"]) == (False, 30)
    assert not Objects(project.objects_folder).has(version.hash)


def test_a_source_that_cannot_be_reached_fails_no_run_and_no_password_is_kept(
    make_project: Callable[..., Project], run_cli: Callable[..., Any]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://ada:s3cret@127.0.0.1:{closed.getsockname()[1]}/train.csv"
        project = make_project({"train.py": "print('auc: 0.5')"}, configured(url))
        assert run_cli("run", folder=project.folder).code == 0
    run = shown(run_cli, project)
    assert (run["status"], run["data"][0]["hash"]) == ("finished", None)
    assert "ada" not in run["data"][0]["path"]
    kept = [path for path in project.inner.rglob("*") if path.is_file() and "code" not in path.parts]
    objects = [path for path in kept if path.is_relative_to(project.objects_folder)]
    assert not [path for path in kept if b"s3cret" in path.read_bytes() and path not in objects]
    snapshot = run_cli("data", "snapshot", folder=project.folder)
    assert (snapshot.code, "s3cret" in snapshot.out + snapshot.err) == (1, False)


def test_a_password_in_the_configuration_still_opens_the_source(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    import http.server

    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            self._answer(TABLE)

        def _answer(self, body: bytes) -> None:
            seen.append(self.path)
            allowed = "sig=hush-hush" in self.path
            self.send_response(200 if allowed else 403)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(TABLE)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/train.csv?sig=hush-hush"
        project = make_project({"train.py": SCRIPT}, configured(url))
        assert run_cli("run", folder=project.folder).code == 0
        run = shown(run_cli, project)
        server.shutdown()
    assert run["metrics"]["lines"] == 3, run["data"]
    assert run["data"][0]["path"].endswith("/train.csv?sig=***")
    assert not [path for path in project.runs_folder.rglob("*") if path.is_file() and b"hush-hush" in path.read_bytes()]
    assert seen


def test_a_run_whose_source_hangs_can_be_stopped(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/train.csv"
        project = make_project({"train.py": "import time\ntime.sleep(60)"}, configured(url))
        assert run_cli("run", "--detach", folder=project.folder).code == 0
        silent.settimeout(30)
        connection, _ = silent.accept()
        run_cli("stop", "@latest", folder=project.folder)
        run = wait_until(lambda: (found := shown(run_cli, project))["status"] == "stopped" and found, 20)
        connection.close()
    assert run["status"] == "stopped"


def test_snapshot_takes_sources_of_the_charter_too(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/one.csv").write_bytes(TABLE)
    url = f"{(tmp_path / 'lake').as_uri()}/*.csv"
    project = make_project({}, f'[project]\nname = "test"\n[[charter.data]]\nwhere = "{url}"\nowner = "Ada"\n')
    answer = run_cli("data", "snapshot", "--json", folder=project.folder)
    assert answer.code == 0, answer.err
    assert [(one["path"], one["kind"], one["files"], one["problem"]) for one in answer.json] == [(url, "folder", 1, "")]
    (version,) = data_actions.listed(project)
    assert version.facts["owner"] == "Ada"


def test_a_path_outside_the_project_is_named_as_a_source_and_troubles_no_run(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    outside = tmp_path / "the lake.csv"
    outside.write_bytes(TABLE)
    config = f'[project]\nname = "test"\n[[charter.data]]\nwhere = "{outside}"\n[train]\ncommand = "true"\n'
    project = make_project({}, config)
    answer = run_cli("data", "snapshot", "--json", folder=project.folder)
    assert answer.code == 1
    assert answer.json[0]["problem"] == f"outside the project: name it as file://{outside}"
    assert run_cli("run", folder=project.folder).code == 0
    assert shown(run_cli, project)["data"] == []
    (project.folder / "workbench.toml").write_text(f'{config}inputs = ["file://{outside}"]\n')
    assert run_cli("run", folder=project.folder).code == 0
    assert shown(run_cli, project)["data"][0]["hash"] == blake3(TABLE).hexdigest()
