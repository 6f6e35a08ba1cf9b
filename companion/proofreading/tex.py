"""Broken TeX: braces and environments that do not match, and commands that MathJax does not have."""

import re
from functools import lru_cache
from pathlib import Path

from companion.proofreading.sources import Text

_COMMAND = re.compile(r"\\([A-Za-z]+)")
_PAIR = re.compile(r"\\(begin|end)\{([^}]*)\}|\\(left|right)(?![A-Za-z])")


@lru_cache(maxsize=4)
def commands(mathjax: Path) -> frozenset[str]:
    """The commands that a copy of MathJax has: the keys of its tables; none without the file."""
    if not mathjax.is_file():
        return frozenset()
    source = mathjax.read_text(encoding="utf-8")
    return frozenset(re.findall(r'[,{]"?([A-Za-z]+)"?:', source)) | frozenset(re.findall(r'"\\\\([A-Za-z]+)"', source))


def faults(text: Text, known: frozenset[str]) -> list[str]:
    """What is wrong with the formulas of a text, and dollars that belong to none.

    Args:
        text: of a page.
        known: commands; where it is empty, commands are not looked at.
    """
    found = [f"{wrong}: {formula.strip()}" for formula in text.mathematics for wrong in wrong_with(formula, known)]
    left = re.findall(r".{0,20}(?<!\\)\$.{0,20}", text.prose)
    return found + [f"a dollar without its partner: {part.strip()}" for part in left]


def wrong_with(formula: str, known: frozenset[str]) -> list[str]:
    r"""What is wrong with one formula.

    Example:
        >>> wrong_with(r"\frac{1}{2", frozenset())
        ['braces do not match']
        >>> wrong_with(r"\left( x", frozenset())
        ['environments or delimiters do not match']
    """
    found = []
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", formula):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth:
        found.append("braces do not match")
    stack = []
    for what, environment, side in _PAIR.findall(formula):
        if what == "begin" or side == "left":
            stack.append(environment)
        elif not stack or stack.pop() != environment:
            stack = ["no match"]
            break
    if stack:
        found.append("environments or delimiters do not match")
    if known:
        named = re.sub(r"\\\\|\\(?:begin|end|operatorname|text|mathrm|label|tag)\*?\{[^}]*\}", " ", formula)
        found += [f"no command \\{name}" for name in dict.fromkeys(_COMMAND.findall(named)) if name not in known]
    return found
