"""What the processes of a run imported: noted by the processes themselves, hashed from what is installed."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import sitecustomize
from workbench.runs.launch import import_folder
from workbench.versions import imported


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages: two of their own, and two that share a namespace."""
    folder = tmp_path / "lib" / "site-packages"
    install(folder, "alpha", "1.0", {"alpha/__init__.py": "import beta\n", "alpha/inner.py": "x = 1\n"})
    install(folder, "Beta_Tools", "2.0", {"beta.py": "y = 1\n"})
    install(folder, "space-one", "3.0", {"space/one.py": "z = 1\n"})
    install(folder, "space-two", "4.0", {"space/two.py": "z = 2\n"})
    return folder


def install(site: Path, name: str, version: str, files: dict[str, str], program: str = "#!/a/python\n") -> None:
    """Put files there with the RECORD of the standard, as an installer does."""
    lines = [f"../../bin/{name},{content_hash(program.encode())},{len(program)}"]
    for path, text in files.items():
        place = site / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        lines += [f"{path},{content_hash(text.encode())},{len(text)}", f"__pycache__/{path}c,,"]
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    lines += [f"{metadata.name}/RECORD,,", f"{metadata.name}/INSTALLER,{content_hash(b'pip')},3"]
    (metadata / "RECORD").write_text("\n".join(lines) + "\n")


def content_hash(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def note(
    tmp_path: Path, code: str, path: Path | None = None, *, python: str = sys.executable, **more: str
) -> imported.Noted | None:
    """Run code as a process of a run, and return what it left."""
    run_folder = tmp_path / "run"
    run_folder.mkdir(exist_ok=True)
    places = os.pathsep.join([str(import_folder()), *([str(path)] if path else [])])
    env = os.environ | {sitecustomize.RUN_FOLDER_VARIABLE: str(run_folder), "PYTHONPATH": places} | more
    done = subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return imported.read(run_folder / sitecustomize.IMPORTED_NAME)


def hashes(noted: imported.Noted | None, folder: Path, cache: Path) -> dict[str, str]:
    assert noted is not None
    return imported.hashes(noted.modules, folder, cache)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "imported.json"


def test_what_a_process_imported_is_known_by_the_names_of_its_packages(tmp_path, site, cache):
    noted = note(tmp_path, "import alpha, space.two, json", site)
    found = hashes(noted, tmp_path / "project", cache)
    assert found.keys() == {"alpha", "beta-tools", "space-two"}
    assert all(len(digest) == 32 for digest in found.values())
    assert noted.interpreters == (sys.executable,)


def test_the_packages_of_a_real_process_are_those_that_the_standard_library_names(tmp_path, cache):
    noted = note(tmp_path, "import yaml, dateutil.parser, numpy")
    found = hashes(noted, tmp_path / "project", cache)
    owners = importlib.metadata.packages_distributions()
    tops = {name.partition(".")[0] for name, file in noted.modules if "-packages" in file}
    expected = {owners[top][0] for top in tops if top in owners and not top.startswith("_")}
    assert found.keys() >= {re.sub(r"[-_.]+", "-", name).lower() for name in expected}
    assert found.keys() >= {"pyyaml", "python-dateutil", "six", "numpy"}


def test_the_hash_is_that_of_the_content_wherever_and_by_whatever_it_was_installed(tmp_path, site, cache):
    first = hashes(note(tmp_path, "import alpha", site), tmp_path / "project", cache)
    (tmp_path / "run" / sitecustomize.IMPORTED_NAME).unlink()
    other = tmp_path / "elsewhere" / "site-packages"
    files = {"alpha/inner.py": "x = 1\n", "alpha/__init__.py": "import beta\n"}
    install(other, "alpha", "1.0", files, program="#!/another/python\n")
    install(other, "Beta_Tools", "2.0", {"beta.py": "y = 2\n"})
    second = hashes(note(tmp_path, "import alpha", other), tmp_path / "project", cache)
    assert second["alpha"] == first["alpha"]
    assert second["beta-tools"] != first["beta-tools"], "the same version with other content"


def test_an_edited_package_has_another_hash_and_a_touched_one_has_not(tmp_path, site, cache):
    noted = note(tmp_path, "import alpha.inner", site)
    before = hashes(noted, tmp_path / "project", cache)
    inner, record = site / "alpha" / "inner.py", site / "alpha-1.0.dist-info" / "RECORD"
    later = record.stat().st_mtime_ns + 10**9
    os.utime(inner, ns=(later, later))
    assert hashes(noted, tmp_path / "project", cache) == before
    inner.write_text("x = 2\n")
    os.utime(inner, ns=(later, later))
    after = hashes(noted, tmp_path / "project", cache)
    assert after["alpha"] != before["alpha"]
    assert after["beta-tools"] == before["beta-tools"]


def test_modules_from_outside_are_hashed_and_those_of_the_project_are_its_code(tmp_path, cache):
    for folder in ("project", "library/helpers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project" / "mine.py").write_text("a = 1\n")
    (tmp_path / "library" / "helpers" / "__init__.py").write_text("")
    part = tmp_path / "library" / "helpers" / "part.py"
    part.write_text("b = 1\n")
    code = f"import sys; sys.path.append({str(tmp_path / 'project')!r}); import mine, helpers.part"
    noted = note(tmp_path, code, tmp_path / "library")
    found = hashes(noted, tmp_path / "project", cache)
    assert found.keys() == {"helpers"}
    part.write_text("b = 2\n")
    assert hashes(noted, tmp_path / "project", cache) != found
    part.unlink()
    assert hashes(noted, tmp_path / "project", cache) == {"helpers": ""}


@pytest.mark.parametrize("content", ["", "[]", '{"sites": 1, "digests": []}', '{"sites": {"/": 3}, "digests": {}}'])
def test_a_cache_of_nonsense_does_no_harm(tmp_path, site, cache, content):
    noted = note(tmp_path, "import alpha", site)
    expected = hashes(noted, tmp_path, cache)
    cache.write_text(content)
    assert hashes(noted, tmp_path, cache) == expected
    assert json.loads(cache.read_text())["digests"]
    cache.unlink()
    cache.mkdir()
    assert hashes(noted, tmp_path, cache) == expected


def test_what_is_installed_later_is_found_though_the_folder_is_known(tmp_path, site, cache):
    hashes(note(tmp_path, "import alpha", site), tmp_path, cache)
    install(site, "gamma", "1.0", {"gamma.py": ""})
    later = site.stat().st_mtime_ns + 10**9
    os.utime(site, ns=(later, later))
    assert "gamma" in hashes(note(tmp_path, "import gamma", site), tmp_path, cache)


def test_the_customisation_that_was_there_before_still_runs(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins\nbuiltins.customised = __file__\n")
    sign = tmp_path / "sign"
    note(
        tmp_path,
        f"import sitecustomize; open({str(sign)!r}, 'w').write(customised + sitecustomize.__file__)",
        tmp_path / "own",
    )
    assert sign.read_text() == 2 * str(tmp_path / "own" / "sitecustomize.py")


def test_odd_modules_are_left_alone(tmp_path):
    code = """
import sys
class Lazy:
    def __getattribute__(self, name): raise RuntimeError(name)
sys.modules["lazy"] = Lazy()
sys.modules["nothing"] = None
sys.modules["number"] = 3
module = type(sys)("odd"); module.__file__ = 7; sys.modules["odd"] = module
module = type(sys)("broken"); module.__file__ = "/a\\nP\\tb"; sys.modules["broken"] = module
module = type(sys)("dec\\udce9"); module.__file__ = "/caf\\udce9.py"; sys.modules["dec"] = module
"""
    noted = note(tmp_path, code)
    assert ("dec", "/caf\udce9.py") in noted.modules
    assert {name for name, _ in noted.modules} & {"lazy", "nothing", "number", "odd", "broken"} == set()


def test_a_script_ends_as_it_would_though_nothing_can_be_noted(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / sitecustomize.IMPORTED_NAME).mkdir()
    assert note(tmp_path, "pass") is None


def test_outside_a_run_nothing_is_noted(tmp_path):
    assert note(tmp_path, "pass", **{sitecustomize.RUN_FOLDER_VARIABLE: ""}) is None


def test_processes_of_one_run_add_to_one_list_with_the_busiest_interpreter_first(tmp_path, site):
    note(tmp_path, "pass")
    (tmp_path / "other").symlink_to(sys.executable)
    noted = note(tmp_path, "import alpha, sys; sys.executable = '/busy/python'", site)
    assert noted.interpreters == ("/busy/python", sys.executable)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not list what is mapped")
def test_libraries_of_linear_algebra_are_named(tmp_path):
    noted = note(tmp_path, "import numpy")
    mapped = subprocess.run(
        [sys.executable, "-c", "import numpy; print(open('/proc/self/maps').read())"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert noted.libraries
    assert all(name in mapped and name.startswith("lib") for name in noted.libraries)
    assert note(tmp_path, "pass").libraries == noted.libraries, "a process without NumPy adds none"


def test_what_only_looks_like_a_file_is_not_read(tmp_path, cache):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(1 << 33)
    odd = {"pipe": "pipe.py", "folder": "folder.py", "huge": "huge.py", "gone": "gone.py"}
    modules = [(name, str(tmp_path / path)) for name, path in odd.items()] + [("zero", "/dev/zero")]
    assert imported.hashes(modules, tmp_path / "project", cache) == dict.fromkeys([*odd, "zero"], "")


def test_it_is_read_by_every_python_that_a_project_may_have(tmp_path):
    source = Path(sitecustomize.__file__).read_text()
    ast.parse(source, feature_version=(3, 4))
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions
    assert not [one.name for one in functions if one.returns or any(each.annotation for each in one.args.args)]
    assert "__future__" not in source
    for version in ("2.7", "3.6", "3.8", "3.13"):
        python = shutil.which(f"python{version}")
        if python and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            assert note(tmp_path, "import json", python=python) is not None
