"""What a stranger expects beside the code: a wheel that is whole, one version, hooks and workflows that run."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import recircle
from recircle.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def load(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_version_is_written_once() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "recircle.__version__"}
    assert load("CITATION.cff")["version"] == recircle.__version__
    assert f"## {recircle.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_citation_names_the_package_and_the_paper() -> None:
    citation = load("CITATION.cff")
    for part in (citation, citation["preferred-citation"]):
        assert {"title", "authors", "type"} <= part.keys()
    assert [author["family-names"] for author in citation["preferred-citation"]["authors"]] == ["Lin", "Zhao", "Wu"]
    assert citation["license"] == PROJECT["project"]["license"]


def test_the_hooks_run_the_tools_of_the_project_and_fetch_nothing() -> None:
    (repo,) = load(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    tools = {requirement.partition(">=")[0] for requirement in PROJECT["project"]["optional-dependencies"]["dev"]}
    for hook in repo["hooks"]:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert hook["language"] == "system"
        assert hook["entry"].split()[0].removeprefix(".venv/bin/") in tools


def test_the_workflow_runs_targets_and_commands_that_there_are() -> None:
    jobs = load(".github/workflows/test.yml")["jobs"]
    lines = [line for job in jobs.values() for step in job["steps"] for line in step.get("run", "").splitlines()]
    made = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = {line.split()[1] for line in lines if line.startswith("make ")}
    assert targets <= {*made}
    assert {"test", "demo", "docs", "wheel"} <= targets
    commands = {found for line in lines for found in re.findall(r"bin/recircle ([a-z]\w*)", line)}
    assert commands
    assert commands <= COMMANDS.keys()
    versions = {
        f"Programming Language :: Python :: {version}" for version in jobs["test"]["strategy"]["matrix"]["python"]
    }
    assert versions == {entry for entry in PROJECT["project"]["classifiers"] if re.search(r"3\.\d", entry)}


@pytest.mark.parametrize("name", ["bug", "wish"])
def test_issue_templates_are_forms(name: str) -> None:
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    assert len({part["id"] for part in form["body"]}) == len(form["body"])


@pytest.mark.slow
def test_the_wheel_is_whole_and_may_be_published(tmp_path: Path) -> None:
    for tool in ("build", "twine"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed; `make setup` installs it")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    files = sorted(tmp_path.iterdir())
    assert [file.suffix for file in files] == [".whl", ".gz"]
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)], check=True)
    source = ROOT / "src"
    packed = {*zipfile.ZipFile(files[0]).namelist()}
    assert {path.relative_to(source).as_posix() for path in source.rglob("*.py")} <= packed
    assert "recircle/py.typed" in packed
    assert f"-{recircle.__version__}-" in files[0].name
