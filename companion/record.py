"""The record of a run: what it says, and that it is whole."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """All that a record may hold. A published one has no name, files and digest: the manifest has them.

    Attributes:
        config: what decides the outcome, see :meth:`companion.config.RunConfig.resolved`.
        key: its hash.
        versions: of Python and of packages.
        device, threads: what it ran on.
        training_seconds: time of the fit [s].
        validation_error: see :func:`companion.evaluation.validation_error`; runs of the first release do not say it.
        evaluation_seconds, last_session_seconds: of the test, and of the last session in all [s].
        name: for people.
        files: the digest of each file beside it.
        digest: of the record itself without this field; runs of the first release have none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    config: dict[str, Any]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    versions: dict[str, str]
    device: str
    threads: Annotated[int, Field(ge=1)]
    training_seconds: Seconds
    validation_error: Seconds | None = None
    evaluation_seconds: Seconds
    last_session_seconds: Seconds
    name: str = ""
    files: dict[str, Digest] = {}
    digest: Digest | None = None


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its digest."""
    return {**content, "digest": _digest(content)}


def check(content: Any) -> None:
    """Check a record as it was read.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of range, or the digest is of another record.
    """
    try:
        Record.model_validate(content)
    except ValidationError as error:
        listed = (f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors())
        raise ValueError("; ".join(listed)) from None
    if content.get("digest") not in (None, _digest(content)):
        raise ValueError("its content does not match its digest")


def _digest(content: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in content.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
