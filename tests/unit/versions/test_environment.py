import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
import types
import venv
from pathlib import Path

import pytest

from workbench.versions import environment, hardware
from workbench.versions.environment import Environment


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "interpreters.json"


@pytest.fixture
def other(project: Path) -> Path:
    """A virtual environment in the project, with one distribution put into it."""
    venv.create(project / ".venv", symlinks=True, with_pip=False)
    install(project, "Some_Package-1.2.dist-info")
    return project / ".venv" / "bin" / "python"


def site_packages(project: Path) -> Path:
    return next((project / ".venv" / "lib").glob("python*")) / "site-packages"


def install(project: Path, name: str) -> None:
    (site_packages(project) / name).mkdir()


@pytest.fixture
def calls(monkeypatch) -> list[list[str]]:
    """Every program that is started, in order; they are started all the same."""
    started: list[list[str]] = []
    original = subprocess.run

    def watched(command, **more):
        started.append(command)
        return original(command, **more)

    monkeypatch.setattr(environment.subprocess, "run", watched)
    return started


def test_running_interpreter_is_described_without_starting_anything(project, cache, calls):
    found = environment.capture(sys.executable, project, {}, cache=cache)
    assert calls == []
    assert (found.python, found.implementation) == (platform.python_version(), platform.python_implementation())
    assert found.executable == Path(sys.executable).name
    assert found.build == " ".join(sys.version.split())
    assert found.problem is None


def test_packages_are_those_that_the_standard_library_finds(project, cache):
    found = dict(environment.capture(sys.executable, project, {}, cache=cache).packages)
    expected = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        expected.setdefault(name, distribution.version)
    assert found == expected
    assert "pytest" in found


def test_blas_is_what_numpy_says_that_it_was_built_with(project, cache):
    import numpy

    known = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = environment.capture(sys.executable, project, {}, cache=cache).blas
    assert found.startswith(f"{known['name']} {known['version']}")
    assert " ".join(known.get("openblas configuration", "").split()) in found


def test_machine_is_described(project, cache):
    found = environment.capture(None, project, {}, cache=cache)
    assert found.machine == platform.machine()
    assert found.platform.startswith(f"{platform.system()} {platform.release()}")
    assert found.host == platform.node()
    assert found.cpu_count == os.cpu_count()
    assert found.memory > 2**27
    assert found.cpu
    assert 0 < found.cpu_usable <= found.cpu_count
    if platform.machine() == "x86_64" and sys.platform == "linux":
        assert "ssse3" in found.cpu_flags


@pytest.mark.parametrize("command", [None, "", "bash", "/usr/bin/make", "pythonic", "./train"])
def test_command_that_is_not_python_has_no_packages_and_is_not_asked(project, cache, calls, command):
    found = environment.capture(command, project, dict(os.environ), cache=cache)
    assert (found.python, found.packages, found.executable, found.problem) == ("", (), "", None)
    assert calls == []


def test_interpreter_of_a_virtual_environment_is_not_followed_to_its_base(project, cache, other):
    assert other.is_symlink()
    found = environment.capture(".venv/bin/python", project, {}, cache=cache)
    assert found.executable == ".venv/bin/python"
    assert found.packages == (("some-package", "1.2"),)
    assert (found.python, found.build) == (platform.python_version(), " ".join(sys.version.split()))
    assert environment.capture(str(other), project, {}, cache=cache) == found
    by_name = environment.capture("python", project, {"PATH": str(other.parent)}, cache=cache)
    assert by_name == found


def test_interpreter_is_asked_once_until_its_packages_change(project, cache, other, calls):
    first = environment.capture(str(other), project, {}, cache=cache)
    assert len(calls) == 1
    assert environment.capture(str(other), project, {}, cache=cache) == first
    assert len(calls) == 1
    install(project, "another-2.dist-info")
    found = environment.capture(str(other), project, {}, cache=cache)
    assert dict(found.packages) == {"some-package": "1.2", "another": "2"}


def test_path_file_that_adds_a_folder_is_noticed(project, cache, other, tmp_path):
    environment.capture(str(other), project, {}, cache=cache)
    (tmp_path / "more" / "extra-3.dist-info").mkdir(parents=True)
    (site_packages(project) / "more.pth").write_text(f"{tmp_path / 'more'}\n")
    found = environment.capture(str(other), project, {}, cache=cache)
    assert dict(found.packages)["extra"] == "3"


def test_folders_of_pythonpath_count_first(project, cache, other):
    (project / "lib" / "some_package-9.dist-info").mkdir(parents=True)
    found = environment.capture(str(other), project, {"PYTHONPATH": "lib"}, cache=cache)
    assert dict(found.packages)["some-package"] == "9"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": {"answer": [], "stamps": 3}}'])
def test_broken_cache_is_no_obstacle(project, cache, other, content):
    cache.parent.mkdir()
    cache.write_text(content)
    assert environment.capture(str(other), project, {}, cache=cache).packages == (("some-package", "1.2"),)


def test_cache_that_cannot_be_written_is_no_obstacle(project, other, tmp_path):
    (tmp_path / "file").write_text("")
    found = environment.capture(str(other), project, {}, cache=tmp_path / "file" / "cache.json")
    assert found.packages == (("some-package", "1.2"),)


@pytest.mark.parametrize(
    "script", ["exit 3", "echo not json", "echo '[1]'", "echo '{}'", "kill -9 $$", "exec sleep 60"]
)
def test_interpreter_that_does_not_answer_is_a_problem_not_an_error(project, cache, monkeypatch, script):
    monkeypatch.setattr(environment, "_TIMEOUT", 0.3)
    fake = project / "python3"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    found = environment.capture("./python3", project, dict(os.environ), cache=cache)
    assert found.problem == "./python3 does not answer"
    assert (found.executable, found.packages) == ("python3", ())
    assert found.cpu


@pytest.mark.parametrize("python", ["python9.9", "/nowhere/python", "./python", "\0/python", "python\0"])
def test_interpreter_that_is_not_there_is_a_problem_not_an_error(project, cache, python):
    found = environment.capture(python, project, {"PATH": "/nowhere"}, cache=cache)
    assert found.packages == ()
    assert found.host
    assert found.problem is not None or python == "python\0"


def test_only_the_listed_variables_are_recorded(project, cache):
    env = {
        "API_TOKEN": "secret", "AWS_SECRET_ACCESS_KEY": "secret", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2",
        "GLOBAL_SEED": "42", "SEED": "7", "WALLET_SEED": "twelve secret words", "CARD_SEED": "12345678901234567",
    }  # fmt: skip
    found = environment.capture(None, project, env, cache=cache)
    assert found.variables == (("GLOBAL_SEED", "42"), ("OMP_NUM_THREADS", "2"), ("PYTHONHASHSEED", "0"), ("SEED", "7"))
    assert "secret" not in json.dumps(environment.to_json(found))


def test_metadata_names_of_all_ages_are_read(tmp_path):
    for name in (
        "zope.interface-5.0.dist-info", "Old_Style-1.0-py3.11.egg-info", "bare.egg-info", "~umpy-1.0.dist-info",
        "a-b-2.0.dist-info", "local-1.0+cu121.dist-info", "module.py", "-1.dist-info",
    ):  # fmt: skip
        (tmp_path / name).mkdir()
    assert dict(environment.packages_in([str(tmp_path), "/nowhere"])) == {
        "zope-interface": "5.0",
        "old-style": "1.0",
        "bare": "",
        "a-b": "2.0",
        "local": "1.0+cu121",
    }


FULL = Environment(
    "3.11.7", "CPython", ".venv/bin/python", (("numpy", "2.0"), ("pandas", "2.2")), "Linux 6.1 (Debian)", "x86_64",
    "EPYC", 2, 2**34, "here", (("PYTHONHASHSEED", "0"),), ("H100, 80 GiB, driver 550",), None, "3.11.7 (main) [GCC]",
    "scipy-openblas 0.3", 2, ("avx2", "fma"), (("numpy", "89ab"),), ("libgomp.so.1",),
)  # fmt: skip


def test_record_survives_json():
    assert environment.from_json(json.loads(json.dumps(environment.to_json(FULL)))) == FULL
    assert environment.from_json({"later": 1}) == Environment()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"memory": 1, "problem": "x"}, True),
        ({"cpu": "Xeon", "cpu_count": 64, "host": "there"}, False),
        ({"cpu_flags": ("avx2",)}, False),
        ({"blas": "mkl 2025"}, False),
        ({"imported": (("numpy", "0123"),)}, False),
        ({"libraries": ("libgomp.so.2",)}, False),
        ({"platform": "Linux 6.1 (Ubuntu)"}, False),
        ({"python": "3.12.0"}, False),
        ({"packages": (("numpy", "2.1"), ("pandas", "2.2"))}, False),
        ({"variables": ()}, False),
        ({"gpus": ()}, False),
    ],
)
def test_environments_that_differ_in_anything_that_is_shown_are_kept_apart(change, same):
    other = dataclasses.replace(FULL, **change)
    assert (environment.digest(other) == environment.digest(FULL)) is same


def test_differences_are_named():
    new = dataclasses.replace(
        FULL,
        packages=(("numpy", "2.1"), ("scipy", "1.0")),
        host="there",
        variables=(("PYTHONHASHSEED", "1"), ("TZ", "UTC")),
    )
    found = environment.compare(FULL, new)
    assert found.added == (("scipy", "1.0"),)
    assert found.removed == (("pandas", "2.2"),)
    assert found.changed == (("numpy", "2.0", "2.1"),)
    assert found.facts == (("host", "here", "there"), ("PYTHONHASHSEED", "0", "1"), ("TZ", "", "UTC"))
    assert environment.compare(FULL, FULL) == environment.EnvironmentDiff()


class DriverError(Exception):
    pass


def nvml(broken: bool) -> types.SimpleNamespace:
    """Return the few calls of the NVIDIA library that are used, on a machine with two GPUs or a broken driver."""

    def start() -> None:
        if broken:
            raise DriverError("driver mismatch")

    return types.SimpleNamespace(
        NVMLError=DriverError,
        nvmlInit=start,
        nvmlSystemGetDriverVersion=lambda: b"550.1",
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetName=lambda handle: f"GPU {handle}",
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(total=80 * 2**30),
    )


@pytest.mark.parametrize("broken", [False, True])
def test_gpus_are_listed_where_there_is_a_driver(project, cache, monkeypatch, broken):
    import ctypes

    monkeypatch.setattr(hardware, "_DRIVER_SIGNS", ("/",))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    monkeypatch.setitem(sys.modules, "pynvml", nvml(broken))
    found = environment.capture(None, project, {}, cache=cache)
    if broken:
        assert (found.gpus, found.problem) == ((), "GPUs not listed: driver mismatch")
    else:
        assert found.gpus == ("GPU 0, 80 GiB, driver 550.1", "GPU 1, 80 GiB, driver 550.1")


def test_timing_is_reported(project, cache, other, record_property):
    for name, python in (("own", sys.executable), ("asked", str(other)), ("known", str(other))):
        begun = time.perf_counter()
        assert environment.capture(python, project, {}, cache=cache).python
        record_property(name, round((time.perf_counter() - begun) * 1e3, 1))
