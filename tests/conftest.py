"""What all tests share: a project of their own, the command line as a real process, waiting for a condition."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from workbench import project as projects
from workbench.project import Project

# How long an example takes says nothing on a machine that is busy with something else.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Tests that were started in the background of a script are deaf to ctrl+c, and what they start would be too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Found = TypeVar("Found")
LIMIT = 60.0  # seconds; far more than anything takes, for machines that are busy with something else
DEBRIS = (
    "PYTHONUNBUFFERED", "WORKBENCH_RUN_DIR", "WORKBENCH_PARAMS", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS",
    "LINES",
)  # fmt: skip


def wait_until(condition: Callable[[], Found], limit: float = LIMIT, *, what: str = "") -> Found:
    """Return what `condition` returns as soon as that is true; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    pause = 0.005
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {limit:g} s in vain{': ' + what if what else ''} (last: {found!r})")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return found


@dataclass(frozen=True)
class Answer:
    """What a command said: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout; NaN and the infinities are refused, as the contract does."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., Any]:
    """The function above, for test modules that cannot import this file."""
    return wait_until


@pytest.fixture(autouse=True)
def workbench_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folder for each test, and an environment that nothing of the caller's reaches."""
    home = tmp_path_factory.mktemp("home")
    for name in DEBRIS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    return home


@pytest.fixture
def quiet_git(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the git settings of whoever runs the tests away."""
    home = tmp_path_factory.mktemp("git")
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A real S3 server with a bucket named team; gives boto3's client of it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "hush",
        "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "*",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="team")
    yield client
    server.stop()


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Make projects, make_project(files={"train.py": "..."}, config="..."), whose runs end with the test."""
    made: list[Project] = []

    def make(files: Mapping[str, str] | None = None, config: str | None = None, name: str = "project") -> Project:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        text = '[project]\nname = "test"\n[train]\ncommand = "python train.py"\n' if config is None else config
        for relative, content in {"workbench.toml": text, **(files or {})}.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        project = projects.load(folder)
        made.append(project)
        return project

    yield make
    for project in made:
        _end_runs(project)


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project whose train.py prints three epochs and two final scores."""
    script = (
        "for epoch in range(1, 4):\n"
        "    print(f'epoch {epoch}: loss={1 / epoch:.4f}', flush=True)\n"
        "print('auc: 0.75')\nprint('note=0.5')\n"
    )
    return make_project({"train.py": script})


def _end_runs(project: Project) -> None:
    """Stop what a test left running, so that no process outlives it."""
    if not project.store_path.exists():
        return
    from workbench.actions import runs as actions
    from workbench.errors import WorkbenchError

    try:
        connection = project.open_store()
        going = [row[0] for row in connection.execute("SELECT id FROM runs WHERE status IN ('queued', 'running')")]
        connection.close()
        actions.stop(project, going)
    except (WorkbenchError, OSError):  # the test broke the store on purpose
        return


@pytest.fixture
def run_cli(tmp_path: Path) -> Callable[..., Answer]:
    """Run `workbench` as a real process: run_cli("runs", "--json", folder=...) -> Answer; stdin is empty."""

    def run(
        *words: str,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
        limit: float = LIMIT,
    ) -> Answer:
        answer = subprocess.run(
            workbench_command(*words),
            cwd=folder or tmp_path,
            env={**os.environ, **(environment or {})},
            input=stdin.encode(),
            capture_output=True,
            timeout=limit,
            check=False,
        )
        return Answer(answer.returncode, answer.stdout.decode("utf-8"), answer.stderr.decode("utf-8"))

    return run


def git(folder: Path, *words: str) -> str:
    """Return what git says in a folder, where its author is somebody; fails where git does."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def workbench_command(*words: str) -> Sequence[str]:
    """Return the command that runs this very Workbench."""
    return [sys.executable, "-m", "workbench", *words]
