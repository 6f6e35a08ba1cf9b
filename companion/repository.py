"""Where the project is published, from one setting of the environment: ``BOOK_REPOSITORY=https://github.com/OWNER/NAME``.

Without it the book names no address at all.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SETTING = "BOOK_REPOSITORY"  #: variable of the environment with the address of the repository
SITE = "BOOK_ADDRESS"  #: variable with the address of the published book, where it is not GitHub's own
_GITHUB = re.compile(r"https://github\.com/([A-Za-z0-9-]+)/([\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Repository:
    """A public repository on GitHub.

    Attributes:
        owner, name: as in ``https://github.com/OWNER/NAME``.
        commit: that the book was made from.
        book: address of the published book, with a slash at its end.
    """

    owner: str
    name: str
    commit: str
    book: str

    @property
    def address(self) -> str:
        """The page of the repository."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def files(self) -> str:
        """Address below which the files of the commit are, by their paths."""
        return f"https://raw.githubusercontent.com/{self.owner}/{self.name}/{self.commit}/"

    @property
    def package(self) -> str:
        """What pip installs the packages of the commit from."""
        return f"mpicore[notebooks] @ git+{self.address}@{self.commit}"

    def colab(self, path: str) -> str:
        """Address that opens a notebook of the published book on Colab."""
        return f"https://colab.research.google.com/#fileId={quote(self.book + path, safe='')}"


def read(environment: Mapping[str, str] | None = None, folder: str | Path = ".") -> Repository | None:
    """The repository of the setting; ``None`` where there is no setting.

    Args:
        environment: of the process by default.
        folder: of the project, whose commit is asked for; ``main`` where Git knows none.

    Raises:
        ValueError: the setting is not of the form ``https://github.com/OWNER/NAME``.
    """
    variables = os.environ if environment is None else environment
    setting = variables.get(SETTING, "")
    if not setting:
        return None
    found = _GITHUB.fullmatch(setting)
    if found is None:
        raise ValueError(f"{SETTING} must be like https://github.com/OWNER/NAME, got {setting!r}")
    owner, name = found.groups()
    home = f"{owner.lower()}.github.io"
    book = variables.get(SITE) or f"https://{home}/" + ("" if name.lower() == home else f"{name}/")
    return Repository(owner, name, _commit(folder), book.rstrip("/") + "/")


def _commit(folder: str | Path) -> str:
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "main"
    return asked.stdout.strip()
