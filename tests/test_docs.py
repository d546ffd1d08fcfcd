"""The documents say what the code does."""

import importlib.util
import re
from pathlib import Path

import pytest

from workbench import config
from workbench.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def load_generator():
    spec = importlib.util.spec_from_file_location("readme", ROOT / "packaging" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_of_the_readme_are_up_to_date():
    assert load_generator().written(README) == README, "make docs"


def test_a_part_without_markers_is_refused():
    with pytest.raises(ValueError, match="commands"):
        load_generator().written("# nothing")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_readme(name):
    assert re.search(rf"^\| `{name}\b", README, re.MULTILINE)


def test_the_configuration_in_the_readme_is_valid():
    one, stages, *others = (config.parse(text.encode()) for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
    assert one.train.max_parallel == 2
    assert one.metric.name == "auc"
    assert list(stages.stages) == ["prepare", "train"]
    assert stages.stages["train"].isolate
    assert stages.charter.data[0].copy == "never"
    assert any(other.policy.personal == "error" for other in others)


def test_every_link_of_the_readme_leads_to_a_file():
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_calls_in_the_readme_exist():
    import workbench

    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    called = set(re.findall(r"workbench\.(\w+)\(", example))
    assert called == set(workbench.__all__) - {"hookimpl"}  # for plugins, not for scripts


def test_every_target_that_the_readme_names_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_have_hashes_and_no_addresses(name):
    text = (ROOT / "packaging" / name).read_text()
    assert re.findall(r"^--?\w", text, re.MULTILINE) == []
    assert "://" not in text
    packages = re.findall(
        r"^([A-Za-z0-9][\w.-]*)==[^\n]*\n((?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n?)*)", text, re.MULTILINE
    )
    assert len(packages) > 30
    assert [package for package, hashes in packages if not hashes] == []


def test_the_locks_agree_with_each_other():
    def versions(name):
        lines = (ROOT / "packaging" / name).read_text().splitlines()
        return {line.rstrip(" \\") for line in lines if "==" in line}

    assert versions("requirements.lock") <= versions("requirements-dev.lock")
