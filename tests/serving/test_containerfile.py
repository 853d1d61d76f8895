"""What the Containerfile runs is there: its files, its extra, its command, and what asks for its health."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recircle.cli import serve as command

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instruction(name: str) -> str:
    found = re.search(rf"^{name} ((?:.*\\\n)*.*)$", TEXT, re.MULTILINE)
    assert found is not None
    return found[1]


def test_what_is_copied_and_installed_is_there() -> None:
    for words in re.findall(r"^COPY (.*)$", TEXT, re.MULTILINE):
        assert all((ROOT / word).exists() for word in words.split()[:-1])
    extra = re.search(r"/recircle\[(\w+)\]", instruction("RUN"))
    assert extra is not None
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extra[1] in project["optional-dependencies"]
    # what the build reads beside the code
    copied = instruction("COPY")
    assert {project["readme"], *project["license-files"]} <= set(copied.split())


def test_the_command_serves_the_folder_that_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litserve", reason="the extra serve is not installed")
    from recircle.serving import server

    given: dict[str, Any] = {}
    monkeypatch.setattr(server, "serve", lambda run, **options: given.update(options, run=run))
    words = json.loads(instruction("ENTRYPOINT"))
    assert words[:2] == ["recircle", "serve"]
    assert command.main(words[2:]) == 0
    assert (given["run"], given["host"], given["port"]) == (Path("/model"), "0.0.0.0", 8000)
    assert instruction("EXPOSE") == str(given["port"])


def test_what_asks_for_the_health_fails_without_a_service() -> None:
    words = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert words[0] == "python"
    code = words[2].replace("8000", "9")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode != 0
