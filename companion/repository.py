"""Where the project is published, from two settings of the environment. Without them the book names no address.

``BOOK_REPOSITORY`` is the repository, such as ``https://github.com/OWNER/NAME``. ``BOOK_ADDRESS`` is the published
book; for a repository on GitHub it is the address of its GitHub Pages unless it is given.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

REPOSITORY = "BOOK_REPOSITORY"  #: variable of the environment with the address of the repository
ADDRESS = "BOOK_ADDRESS"  #: variable of the environment with the address of the published book
_GITHUB = re.compile(r"https://github\.com/([A-Za-z0-9-]+)/([\w.-]+)")


@dataclass(frozen=True)
class Repository:
    """A repository, and the book that is made from it.

    Attributes:
        address: of the repository, without a slash at its end; empty where there is none.
        book: address of the published book, with a slash at its end; empty where there is none.
        commit: that the book was made from; empty where Git does not tell.
    """

    address: str = ""
    book: str = ""
    commit: str = ""

    @property
    def files(self) -> str:
        """Address below which the files of the commit are, by their paths; empty where it is not known."""
        found = _GITHUB.fullmatch(self.address)
        if not found or not self.commit:
            return ""
        return f"https://raw.githubusercontent.com/{found[1]}/{found[2]}/{self.commit}/"

    @property
    def package(self) -> str:
        """What pip installs the packages of the commit from; empty where there is no repository."""
        commit = f"@{self.commit}" if self.commit else ""
        return f"mpicore[notebooks] @ git+{self.address}{commit}" if self.address else ""

    def colab(self, path: str) -> str:
        """Address that opens a notebook of the published book on Colab; empty where there is none."""
        return f"https://colab.research.google.com/#fileId={quote(self.book + path, safe='')}" if self.book else ""

    def binder(self, path: str) -> str:
        """Address that opens a file of the project, as its container has it, on Binder; empty where there is none."""
        found = _GITHUB.fullmatch(self.address)
        if not found:
            return ""
        place = quote(f"lab/tree/{path}", safe="")
        return f"https://mybinder.org/v2/gh/{found[1]}/{found[2]}/{self.commit or 'HEAD'}?urlpath={place}"


def read(variables: Mapping[str, str] | None = None, folder: str | Path = ".") -> Repository:
    """What the environment and Git say.

    Args:
        variables: the environment; that of the process by default.
        folder: of the project, whose commit is asked for.

    Raises:
        ValueError: an address does not start with http:// or https://, or is none of a repository on GitHub.
    """
    given = os.environ if variables is None else variables
    addresses = {name: given.get(name, "").rstrip("/") for name in (REPOSITORY, ADDRESS)}
    for name, address in addresses.items():
        if address and not address.startswith(("https://", "http://")):
            raise ValueError(f"{name} must start with https:// or http://, got {address!r}")
    repository, book = addresses[REPOSITORY].removesuffix(".git"), addresses[ADDRESS]
    found = _GITHUB.fullmatch(repository)
    if "//github.com/" in repository and not found:
        raise ValueError(f"{REPOSITORY} must be like https://github.com/OWNER/NAME, got {repository!r}")
    if found and not book:
        home = f"{found[1].lower()}.github.io"
        book = f"https://{home}" + ("" if found[2].lower() == home else f"/{found[2]}")
    return Repository(repository, book and f"{book}/", _commit(folder))


def _commit(folder: str | Path) -> str:
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return asked.stdout.strip()
