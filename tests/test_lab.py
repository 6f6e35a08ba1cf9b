"""How JupyterLab is started on the notebooks: in the project, with its settings, or with one line that says why not."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from companion import lab, project


@pytest.fixture
def inside(tmp_path, monkeypatch):
    (tmp_path / project.MARK).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outside_the_project_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        lab.run()


def test_without_the_program_it_says_who_brings_it(inside, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="make lab"):
        lab.run()


def test_it_becomes_the_program_in_the_project_with_its_settings(inside, monkeypatch):
    """All that it keeps stays below ``build``; of the folders of the user it uses none."""
    started = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    lab.run(["--no-browser"])
    ((program, words, variables),) = started
    assert program == sys.executable and words[:3] == [sys.executable, "-m", "jupyterlab"]
    assert words[-1] == "--no-browser" and "--ServerApp.root_dir=." in words
    assert variables["JUPYTER_CONFIG_PATH"] == str(inside / ".jupyter")
    kept = [value for name, value in variables.items() if name.startswith("JUPYTER") and name.endswith("_DIR")]
    assert len(kept) >= 4
    for folder in map(Path, kept):
        assert folder.is_dir() and folder.is_relative_to(inside / "build")
