"""What the repository keeps of finished runs: numbers, the weights of one network per row, and what figures draw."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from companion import runs
from companion.archive import Archive, Result, Stored
from companion.config import RunName
from companion.experiments import Experiments
from companion.runs import Root
from companion.verification import must_have_weights


def publish(
    known: Experiments,
    preset: str,
    root: Root,
    results: Mapping[str, Result],
    folder: str = "published",
    drawn: Collection[RunName] = (),
) -> Iterator[str]:
    """Make the archive hold the runs and results of a preset that are finished, and nothing else.

    Args:
        known: the checked experiments file.
        preset: whose runs.
        root: where they are; what is published already counts as finished where the archive is among these places.
        results: of analyses, by name.
        folder: of the archive.
        drawn: the runs whose arrays are kept, because figures show them.

    Yields:
        A line per run that is not finished, and one that says what was published.

    Raises:
        ValueError: a finished run is damaged, or has no weights where it must have them.
        OSError: the folder cannot be written.
    """
    found: dict[str, tuple[str, str, Stored]] = {}
    for name, config in runs.distinct(known.runs(preset)):
        if runs.find(config, root) is None:
            yield f"{name}: not finished"
            continue
        stored = runs.load(config, root).stored
        record = {part: value for part, value in stored.record.items() if part not in ("files", "name", "digest")}
        if not must_have_weights(known, name, config):
            stored = replace(stored, weights=None)
        elif stored.weights is None:
            raise ValueError(f"{stored.folder} has no weights, and cannot be published without them")
        if name not in drawn:
            stored = replace(stored, arrays=None)
        found[config.key] = (name.experiment, name.row, replace(stored, record=record))
    Archive(folder).publish(found, results)
    yield f"{len(found)} runs and {len(results)} results are in {folder}"
