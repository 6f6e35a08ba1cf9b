"""How this work is cited: an entry for BibTeX, made from ``CITATION.cff``."""

from pathlib import Path
from typing import Any

import yaml

#: The file in which the facts stand.
CITATION = Path("CITATION.cff")


def bibtex(path: str | Path = CITATION) -> str:
    """The entry.

    Args:
        path: a file in the Citation File Format.

    Raises:
        ValueError: the file is not valid, or a fact is missing.
        OSError: it cannot be read.
    """
    try:
        facts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    needed = ("title", "authors", "version", "date-released")
    missing = [name for name in needed if not (isinstance(facts, dict) and facts.get(name))]
    if missing:
        raise ValueError(f"{path} must have {', '.join(needed)}; it lacks {', '.join(missing)}")
    short = str(facts["title"]).partition(":")[0].strip()
    year = str(facts["date-released"])[:4]
    fields = {
        "author": " and ".join(map(_author, facts["authors"])),
        "title": f"{{{facts['title']}}}",
        "version": facts["version"],
        "year": year,
        "url": facts.get("repository-code") or facts.get("url"),
        "doi": facts.get("doi"),
        "note": facts.get("license") and f"{facts['license']} licence",
    }
    lines = [f"  {name:<7} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@software{{{short.lower().replace(' ', '-')}{year},", *lines, "}"]) + "\n"


def _author(author: dict[str, Any]) -> str:
    """A person as *Family, Given*; a group in braces, which keep its name in one piece."""
    if "family-names" in author:
        return ", ".join(author[part] for part in ("family-names", "given-names") if author.get(part))
    return f"{{{author['name']}}}"
