"""Commands of the companion: ``python -m companion COMMAND --help``."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from companion import project
from mpicore import checks, files

if TYPE_CHECKING:  # a command loads what it needs: most of a short one is imports
    from companion.config import RunConfig, RunName
    from companion.experiments import Experiments

Options = argparse.Namespace
_MOST = 100_000  # of anything that is counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Errors that the user can mend come as one line, not a traceback."""
    try:
        options = _parser().parse_args(arguments)
        options.action(options)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    except MemoryError as error:
        print(f"error: not enough memory: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in project.PACKAGES:
            raise
        text = f"the package {error.name} is not installed, which the companion needs beside the library; the extra"
        print(f"error: {text} `book` brings it, and so does `make env` in a copy of the repository", file=sys.stderr)
        return 1
    except (ValueError, OSError, FloatingPointError) as error:
        outside = isinstance(error, FileNotFoundError) and error.filename == project.MARK
        print(f"error: {project.missing() if outside else error}", file=sys.stderr)
        return 1
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m companion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    preset = argparse.ArgumentParser(add_help=False)
    preset.add_argument("--experiments", default="experiments.yml", help="the experiments file")
    preset.add_argument("--preset", default="paper")
    root = argparse.ArgumentParser(add_help=False)
    root.add_argument(
        "--root",
        action="append",
        type=_place,
        help="a place of finished runs, in turn; default: the published ones, then those made here",
    )
    root.add_argument("--cache", type=_place, help="folder of data that processes share")
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--device", default="auto", help="auto, cpu or cuda")
    machine.add_argument("--threads", type=_count, help="processor threads; default: all cores")
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--output", required=True, type=_place, help="the file to write")
    paper = argparse.ArgumentParser(add_help=False)
    paper.add_argument("--paper", default="book/paper_tables.csv", help="the paper's own figures")

    def add(name: str, action: Callable[[Options], None], text: str, *parents: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=list(parents))
        command.set_defaults(action=action)
        return command

    command = add("build", _build, "make the book, or a part of it, with Snakemake", preset)
    command.add_argument("--published", default="published", help="the archive of runs, or none to make them all here")
    command.add_argument("--jobs", type=_count_or_all, help="trainings side by side; default: all, one per core")
    command.add_argument("--dry-run", action="store_true", help="say what would be done")
    command.add_argument("targets", nargs="*", help="files to make; default: the book")
    command = add("run", _run, "make one run, or load what is there", preset, root, machine)
    command.add_argument("experiment")
    command.add_argument("method")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--tuned", action="store_true", help="train under the preset's second protocol")
    command.add_argument("--case", default="", help="of a study, which then stands in the place of the experiment")
    command = add("runs", _runs, "make runs, and a file that says that they are whole", preset, root, machine)
    command.add_argument("names", nargs="+", help="runs such as xspace-gaussian-n2n")
    command.add_argument("--stamp", required=True, help="the file; it holds the keys of the runs by name")
    command = add("check", _check, "measure a part of the published runs again", preset, root, machine, output)
    command.add_argument("experiment", nargs="+", help="of experiments and studies")
    command.add_argument("--signals", type=_count, default=20, help="test signals of each network")
    command = add("verify", _verify, "measure published runs and results again in full", preset, root, machine)
    command.add_argument("names", nargs="*", help="runs such as xspace-gaussian-n2n, or analyses; default: all")
    command.add_argument("--signals", type=_count, help="test signals per run; default: all")
    command = add("table", _table, "write one table as CSV, from finished runs", preset, root, output, paper)
    command.add_argument("table", help="of experiments.yml, or seeds, or summary")
    command = add("study", _study, "write the table of one study as CSV, from finished runs", preset, root, output)
    command.add_argument("study")
    command = add("analysis", _analysis, "write the result of one analysis as CSV", preset, root, machine, output)
    command.add_argument("analysis")
    command = add("leaderboard", _leaderboard, "all methods of all experiments as CSV", preset, root, output, paper)
    command.add_argument("--benchmarks", help="table of the benchmarks, for the time that denoising takes")
    command.add_argument("--own", help="rows of denoisers from outside, see the command own")
    command = add("own", _own, "run denoisers of your own, and show them among all", preset, root, machine, paper)
    command.add_argument("--denoiser", action="append", default=[], help="path/to/file.py:Name, as often as you like")
    command.add_argument("--denoisers", default="", help="several of these, separated by semicolons or new lines")
    command.add_argument("--benchmarks", help="table of the benchmarks, for the time that denoising takes")
    command.add_argument("--output", help="rows of denoisers from outside; default: where the book looks for them")
    add(
        "browser", _browser, "write what the experiment in the browser computes with", preset, root, output
    ).add_argument("--fitted", required=True, help="table of the analysis browser")
    command = add("publish", _publish, "keep the finished runs of a preset in the archive", preset, root)
    command.add_argument("--target", default="published")
    command = add("progress", _progress, "how far the trainings of a preset are, and the time left", preset, root)
    command.add_argument("--jobs", type=_count_or_all, help="trainings side by side; default: all, one per core")
    command = add("notebook", _notebook, "execute one notebook with parameters")
    command.add_argument("source")
    command.add_argument("target")
    command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="values")
    command = add("measured", _measured, "download the measured files that a page shows, and check them")
    command.add_argument("--source", help="an address or a folder that has them; default: MEASURED_FROM, else GitHub")
    command.add_argument("--folder", default="build/measured", help="where they are kept, and the page looks for them")
    command = add("serve", _serve, "serve the built book on this machine", preset)
    command.add_argument("--port", type=_count, default=8000)
    add("pdf", _pdf, "print the built book, and offer the file on its front page", preset)
    command = add("lab", _lab, "JupyterLab on the notebooks")
    command.add_argument("arguments", nargs="*", help="of JupyterLab, after --, such as: -- --no-browser")
    command = add("stage", _stage, "put the sources of the book together", preset)
    command.add_argument("target")
    command.add_argument("--source", default="book")
    command.add_argument("--notebooks", nargs="+", required=True)
    command.add_argument("--tables", nargs="+", required=True)
    command.add_argument("--experiment", nargs="+", default=[], help="what the experiment in the browser computes with")
    command = add("finish", _finish, "mend and complete the pages of a book that was just built")
    command.add_argument("html", help="folder of the built book")
    return parser


def _known(options: Options) -> "Experiments":
    from companion import experiments

    if getattr(options, "threads", None):
        import torch

        torch.set_num_threads(options.threads)
    known = experiments.read(options.experiments)
    known.preset(options.preset)
    if getattr(options, "device", "auto") != "auto":
        from mpicore.training import resolve_device

        resolve_device(options.device)  # also where nothing is trained
    return known


def _root(options: Options) -> Sequence[str]:
    from companion.runs import ROOT

    return options.root or [*ROOT[:-1], str(project.outputs(options.preset) / ROOT[-1])]


def _build(options: Options) -> None:
    from companion import build

    status = build.run(options.preset, options.jobs, options.published, options.targets, options.dry_run)
    if status:
        raise SystemExit(status)


def _run(options: Options) -> None:
    from companion.config import RunName

    name = RunName(options.experiment, options.method, options.tuned, options.seed, options.case)
    _obtained(name, _known(options).named(name, options.preset), options)


def _runs(options: Options) -> None:
    known = _known(options)
    listed = {str(name): (name, config) for name, config in known.runs(options.preset).items()}
    for name in options.names:
        if name not in listed:
            raise ValueError(f"there is no run {name!r}; runs are called like {next(iter(listed))}")
    for name in options.names:
        _obtained(*listed[name], options)
    files.write_json(options.stamp, {name: listed[name][1].key for name in options.names})


def _obtained(name: "RunName", config: "RunConfig", options: Options) -> None:
    from companion import runs

    run = runs.obtain(config, _root(options), options.device, progress=True, cache=options.cache)
    summary = ", ".join(f"{v} {s:.2f} dB" for v, s in run.signals.groupby("variant")["snr_db"].mean().items())
    print(f"{run.stored.folder}: {name}, test SNR {summary}", flush=True)


def _check(options: Options) -> None:
    import pandas as pd

    from companion import analyses, verification

    known = _known(options)
    for experiment in options.experiment:
        checks.choice(experiment, "experiment or study", [*known.experiments, *known.studies])
    mapped = analyses.mapped(known, options.preset)
    rows = []
    for experiment in options.experiment:
        for name, config, found in verification.check(
            known, experiment, options.preset, _root(options), options.signals, mapped, options.cache
        ):
            rows.append({"run": str(name), "key": config.key, "signals": found.signals, "images": found.images})
            rows[-1] |= {f"largest_{value}": deviation for value, deviation in found.deviations.items()}
            if found.deviations:
                print(f"{name}: {_deviations(found)}", flush=True)
    columns = ["run", "key", "signals", "images"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(columns + [column for row in rows for column in row])))
    files.write_text(options.output, table.to_csv(index=False))


def _verify(options: Options) -> None:
    from companion import analyses, runs, verification
    from companion.archive import Archive

    known, root = _known(options), options.root or runs.ROOT[:1]
    listed = {str(name): (name, config) for name, config in runs.distinct(known.runs(options.preset))}
    wanted = options.names or [*listed, *analyses.names()]
    for text in wanted:
        if text not in listed and text not in analyses.names():
            raise ValueError(f"there is no run and no analysis {text!r}; runs are called like {next(iter(listed))}")
    agree = alone = missing = 0
    for number, text in enumerate(wanted, 1):
        where = f"{number} of {len(wanted)}: {text}"
        if text in listed:
            name, config = listed[text]
            if runs.find(config, root) is None:
                missing += 1
                print(f"{where}: not published", flush=True)
                continue
            verification.require_weights(known, name, config, root)
            found = verification.verify(config, root, options.signals, cache=options.cache)
            agree, alone = agree + bool(found.deviations), alone + (not found.deviations)
            print(
                f"{where}: " + (f"agrees; {_deviations(found)}" if found.deviations else "known by its numbers alone"),
                flush=True,
            )
        else:
            key = analyses.key(text, known, options.preset)
            stored = next((r for place in root if Archive.is_at(place) and (r := Archive(place).result(key))), None)
            if stored is None:
                missing += 1
                print(f"{where}: not published", flush=True)
                continue
            deviation = analyses.compare(stored, analyses.compute(text, known, options.preset, root, options.cache))
            agree += 1
            print(f"{where}: agrees; largest deviation {deviation:.1e}", flush=True)
    print(f"{agree} agree, none disagrees, {alone} are known by their numbers alone, {missing} are not published")


def _deviations(found: Any) -> str:
    listed = ", ".join(f"{column} {value:.1e}" for column, value in found.deviations.items())
    return f"{found.signals} signals and {found.images} images measured again, largest deviations: {listed}"


def _table(options: Options) -> None:
    from companion import tables

    known, paper = _known(options), tables.read_paper(options.paper)
    if options.table == "seeds":
        made = tables.make_seed_table(known, options.preset, _root(options))
        shown = tables.display_seed_table(made, known)
    elif options.table == "summary":
        made = tables.make_summary(known, options.preset, paper, _root(options))
        shown = tables.display_summary(made, known)
    else:
        made = tables.make_table(known, options.table, options.preset, paper, _root(options))
        shown = tables.display_table(made, known)
    files.write_text(options.output, made.to_csv(index=False))
    files.write_text(tables.display_path(options.output), shown.to_csv(index=False))


def _study(options: Options) -> None:
    from companion import studies

    known = _known(options)
    checks.choice(options.study, "study", list(known.studies))
    table = studies.make(known, options.study, options.preset, _root(options))
    files.write_text(options.output, table.to_csv(index=False))


def _analysis(options: Options) -> None:
    from companion import analyses

    known = _known(options)
    result = analyses.make(options.analysis, known, options.preset, _root(options), options.cache)
    analyses.write(result, options.output)


def _leaderboard(options: Options) -> None:
    from companion import leaderboard, reading, tables

    known, further = _known(options), _further(options)
    own = reading.read_csv(options.own, leaderboard.COLUMNS) if options.own else None
    table = leaderboard.make(known, options.preset, root=_root(options), own=own, **further)
    files.write_text(options.output, table.to_csv(index=False))
    for experiment in known.experiments:
        shown = leaderboard.display(table, experiment)
        path = tables.display_path(Path(options.output).with_stem(f"{Path(options.output).stem}-{experiment}"))
        files.write_text(path, shown.to_csv(index=False))


def _further(options: Options) -> dict[str, Any]:
    """What stands beside the runs in a leaderboard: the paper's figures, and how long denoising takes."""
    from companion import leaderboard, reading, tables

    times = reading.read_csv(options.benchmarks, leaderboard.TIMES) if options.benchmarks else None
    return {"paper": tables.read_paper(options.paper), "times": times}


def _own(options: Options) -> None:
    """Run them, keep their rows beside those of others of one's own, and print the leaderboards."""
    import pandas as pd

    from companion import leaderboard, plugins, reading, runs

    known, root, further = _known(options), _root(options), _further(options)
    path = Path(options.output or project.outputs(options.preset) / f"results/own/{options.preset}.csv")
    kept = reading.read_csv(path, leaderboard.COLUMNS) if path.exists() else None
    listed = {name: config for name, config in known.runs(options.preset).items() if not (name.seed or name.case)}
    missing = sum(runs.find(config, root) is None for config in listed.values())
    if missing:
        where = " or ".join(map(str, root))
        raise ValueError(
            f"{missing} of the {len(listed)} runs that the leaderboards show at the preset {options.preset} are not "
            f"finished in {where}; `make book PRESET={options.preset}` makes them"
        )
    given = [*options.denoiser, *options.denoisers.replace("\n", ";").split(";")]
    names = plugins.load_entry_points() + [plugins.load_file(text.strip()) for text in given if text.strip()]
    configs = leaderboard.own_runs(known, options.preset, names)
    for number, config in enumerate(configs, 1):
        print(f"{number} of {len(configs)}: {config.method} on {config.experiment}", flush=True)
        try:
            runs.obtain(config, root, options.device, progress=True, cache=options.cache)
        except ValueError as error:
            raise ValueError(f"{config.experiment}: {error}") from error
    rows = leaderboard.own_rows(configs, root)
    if kept is not None:
        rows = pd.concat([kept[~kept["method"].isin(names)], rows], ignore_index=True) if len(rows) else kept
    if len(rows):
        files.write_text(path, rows.to_csv(index=False))
    table = leaderboard.make(known, options.preset, root=root, own=rows, **further)
    for experiment, entry in known.experiments.items():
        print(f"\n{entry.title}\n{leaderboard.plain(leaderboard.display(table, experiment))}")
    if len(rows):
        print(f"\nRows of your own are kept in {path}; `make book` shows them.")


def _browser(options: Options) -> None:
    from companion import browser_experiment

    known = _known(options)
    browser_experiment.export(known, options.preset, _root(options), options.fitted, options.output, options.cache)


def _publish(options: Options) -> None:
    from companion import analyses, publication

    known = _known(options)
    root = options.root or [options.target, "runs"]
    results = {name: analyses.make(name, known, options.preset, root, options.cache) for name in analyses.published()}
    drawn = analyses.drawn(known, options.preset)
    for line in publication.publish(known, options.preset, root, results, options.target, drawn):
        print(line, flush=True)


def _progress(options: Options) -> None:
    from companion import build, runs

    jobs = options.jobs or build.available_cores()
    root = options.root or [str(project.outputs(options.preset) / "runs")]
    table = runs.progress(_known(options).runs(options.preset), root)
    for row in table.itertuples():
        print(f"{row.run:44} {row.state:9} {row.share:4.0%}")
    known = table["minutes_left"].notna()
    left = table.loc[known, "minutes_left"].sum() / 60 / jobs
    print(f"{(table['state'] == 'finished').sum()} of {len(table)} trainings are finished")
    if known.any():
        print(f"time left: {left:.1f} h with {jobs} side by side")
    if not known.all():
        print(f"{(~known).sum()} trainings have no pace yet: none on the same data has reached its first checkpoint")


def _notebook(options: Options) -> None:
    from papermill.exceptions import PapermillExecutionError

    from companion import notebooks

    try:
        notebooks.execute(options.source, options.target, {name: _value(value) for name, value in options.values})
    except PapermillExecutionError as error:
        raise ValueError(f"{options.source} failed\n{error}") from None


def _measured(options: Options) -> None:
    from companion import measured_data

    found = measured_data.download(options.folder, options.source)
    size = sum(path.stat().st_size for path in found)
    print(f"{len(found)} files in {options.folder}, {size / 1e3:.0f} kB; `make book` shows them")


def _stage(options: Options) -> None:
    from companion import book

    known = _known(options)
    parts = (options.notebooks, options.tables)
    book.stage(options.source, Path(options.target), *parts, known, options.preset, experiment=options.experiment)


def _finish(options: Options) -> None:
    from companion import finishing, proofreading
    from companion.finishing import site
    from companion.proofreading import built

    finishing.finish(options.html, site.read())
    proofreading.refuse(built.faults(options.html))


def _pdf(options: Options) -> None:
    from companion import printing
    from companion.finishing import site

    target = printing.write(project.outputs(options.preset) / "_build" / "html", site.read())
    print(f"{target.resolve().as_uri()}: {printing.count(target)} pages, {target.stat().st_size / 1e6:.1f} MB")


def _lab(options: Options) -> None:
    from companion import lab

    lab.run(options.arguments)


def _serve(options: Options) -> None:
    from companion import book

    book.serve(project.outputs(options.preset) / "_build" / "html", options.port)


def _value(text: str) -> Any:
    """A parameter as JSON where it reads as JSON (numbers, true, lists), else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _count_or_all(text: str) -> int | None:
    """A number, or ``None`` for as many as there are cores."""
    return None if text == "all" else _count(text)


def _count(text: str) -> int:
    """A whole number of at least one."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    if number > _MOST:
        raise argparse.ArgumentTypeError(f"must be at most {_MOST}, got {text!r}")
    return number


def _place(text: str) -> str:
    """A file or folder."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be the path of a file or folder, got {text!r}")
    return text


if __name__ == "__main__":
    sys.exit(main())
