"""Commands of the pipeline: ``python -m companion COMMAND --help``."""

import argparse
import json
import os
import sys
from pathlib import Path

from companion import experiments
from companion.experiments import ROOT
from mpicore import files


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. Errors that the user can mend come as one line, not a traceback."""
    parser = argparse.ArgumentParser(prog="python -m companion", description=__doc__)
    parser.add_argument("--experiments", default="experiments.yml", help="the experiments file")
    commands = parser.add_subparsers(dest="command", required=True)

    root = "folders of runs, separated by colons; new ones go to the last"
    command = commands.add_parser("run", help="train and test one method, or load what is there")
    command.set_defaults(action=_run)
    command.add_argument("experiment")
    command.add_argument("method")
    command.add_argument("--preset", default="paper")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--tuned", action="store_true", help="train under the preset's second protocol")
    command.add_argument("--case", default="", help="of a study, which then stands in the place of the experiment")
    command.add_argument("--root", default=ROOT, help=root)
    command.add_argument("--verify", type=_signals, default=0, help="how much of a published run to measure again")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda")
    command.add_argument("--threads", type=int, help="processor threads; default: all cores")
    command.add_argument("--stamp", help="write the run's key and digests here when it is whole")

    command = commands.add_parser("table", help="write one table as CSV, from finished runs")
    command.set_defaults(action=_table)
    command.add_argument("table")
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default=ROOT, help=root)
    command.add_argument("--paper", default="book/paper_tables.csv", help="the paper's own figures")
    command.add_argument("--output", required=True)

    command = commands.add_parser("study", help="make all runs of one study, or load them, and write its table as CSV")
    command.set_defaults(action=_study)
    command.add_argument("study")
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default=ROOT, help=root)
    command.add_argument("--verify", type=_signals, default=0, help="how much of a published run to measure again")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda")
    command.add_argument("--threads", type=int, help="processor threads; default: all cores")
    command.add_argument("--output", required=True)

    command = commands.add_parser(
        "publish", help="copy the finished runs of a preset to where the repository keeps them"
    )
    command.set_defaults(action=_publish)
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default="runs")
    command.add_argument("--target", default="published")

    command = commands.add_parser("verify", help="measure published runs again and compare every value")
    command.set_defaults(action=_verify)
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default="published")
    command.add_argument("--signals", type=_signals, default=None, help="test signals per run; default: all")

    command = commands.add_parser("progress", help="how far the trainings of a preset are, and how long they will take")
    command.set_defaults(action=_progress)
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default="runs", help=root)
    command.add_argument("--jobs", type=int, default=1, help="trainings side by side")

    command = commands.add_parser(
        "leaderboard", help="all methods of all experiments as CSV, and denoisers of your own"
    )
    command.set_defaults(action=_leaderboard)
    command.add_argument("--preset", default="paper")
    command.add_argument("--root", default=ROOT, help=root)
    command.add_argument("--paper", default="book/paper_tables.csv", help="the paper's own figures")
    command.add_argument("--benchmarks", help="results/benchmarks.csv, for the time that denoising takes")
    command.add_argument("--denoiser", action="append", default=[], help="path/to/file.py:Name, as often as you like")
    command.add_argument("--output", required=True)

    command = commands.add_parser("notebook", help="execute one notebook with parameters")
    command.set_defaults(action=_notebook)
    command.add_argument("source")
    command.add_argument("target")
    command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="values")

    command = commands.add_parser("stage", help="put the sources of the book together")
    command.set_defaults(action=_stage)
    command.add_argument("target")
    command.add_argument("--source", default="book")
    command.add_argument("--preset", default="paper")
    command.add_argument("--notebooks", nargs="+", required=True)
    command.add_argument("--tables", nargs="+", required=True)

    options = parser.parse_args(arguments)
    try:
        options.action(options)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options):
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    known = experiments.read(options.experiments)
    name = experiments.RunName(options.experiment, options.method, options.tuned, options.seed, options.case)
    config = known.named(name, options.preset)
    run = _obtain(config, options)
    if options.stamp:
        files.write_json(options.stamp, {"key": config.key, "files": run.record["files"]})


def _study(options):
    import torch

    from companion import studies
    from mpicore import checks

    if options.threads:
        torch.set_num_threads(options.threads)
    known = experiments.read(options.experiments)
    checks.choice(options.study, "study", list(known.studies))
    for name, config in known.runs(options.preset).items():
        if name.experiment == options.study:
            _obtain(config, options)
    table = studies.make(known, options.study, options.preset, options.root)
    files.write_text(options.output, table.to_csv(index=False))


def _obtain(config, options):
    """The run, made or loaded; where it is a published one, a part of it is measured again."""
    from companion import runs

    found = runs.find(config, options.root)
    run = runs.obtain(config, options.root, options.device, progress=True)
    checked = {}
    if found is not None and not found.is_relative_to(options.root.split(os.pathsep)[-1]) and options.verify != 0:
        checked = runs.verify(config, options.root, options.verify)
    summary = ", ".join(f"{v} {s:.2f} dB" for v, s in run.signals.groupby("variant")["snr_db"].mean().items())
    print(f"{runs.find(config, options.root)}: test SNR {summary}" + _deviations(checked), flush=True)
    return run


def _publish(options):
    from companion import runs

    for name, config in experiments.read(options.experiments).runs(options.preset).items():
        if runs.find(config, options.root) is None:
            print(f"{name}: not finished")
        else:
            # One trained network per row is kept; further seeds and studies are known by their numbers alone.
            print(f"{name}: {runs.publish(config, options.root, options.target, weights=not (name.seed or name.case))}")


def _progress(options):
    from companion import runs

    table = runs.progress(experiments.read(options.experiments).runs(options.preset), options.root)
    for row in table.itertuples():
        print(f"{row.run:36} {row.state:9} {row.share:4.0%}")
    known = table["minutes_left"].notna()
    left = table.loc[known, "minutes_left"].sum() / 60 / options.jobs
    unknown = f", and {(~known).sum()} trainings whose pace is not known yet" if not known.all() else ""
    print(f"{(table['state'] == 'finished').sum()} of {len(table)} trainings are finished")
    print(f"time left: {left:.1f} h with {options.jobs} side by side{unknown}")


def _verify(options):
    from companion import runs

    for name, config in experiments.read(options.experiments).runs(options.preset).items():
        if runs.find(config, options.root) is None:
            print(f"{name}: not published")
        else:
            found = runs.verify(config, options.root, options.signals)
            print(
                f"{name}: " + ("agrees" + _deviations(found) if found else "has no weights, kept as numbers"),
                flush=True,
            )


def _deviations(found):
    listed = ", ".join(f"{column} {value:.1e}" for column, value in found.items())
    return f"; measured again, largest deviations: {listed}" if found else ""


def _signals(text):
    """A number of test signals; ``None`` for ``all``."""
    return None if text == "all" else int(text)


def _table(options):
    from companion import tables

    known = experiments.read(options.experiments)
    paper = tables.read_paper(options.paper)
    if options.table == "seeds":
        made = tables.make_seed_table(known, options.preset, options.root)
        shown = tables.display_seed_table(made)
    elif options.table == "summary":
        made = tables.make_summary(known, options.preset, paper, options.root)
        shown = tables.display_summary(made, known)
    else:
        made = tables.make_table(known, options.table, options.preset, paper, options.root)
        shown = tables.display_table(made)
    files.write_text(options.output, made.to_csv(index=False))
    files.write_text(tables.display_path(options.output), shown.to_csv(index=False))


def _leaderboard(options):
    import pandas as pd

    from companion import leaderboard, plugins, runs, tables

    known = experiments.read(options.experiments)
    names = plugins.load_entry_points() + [plugins.load_file(address) for address in options.denoiser]
    own = leaderboard.own_runs(known, options.preset, names)
    for config in own:
        runs.obtain(config, options.root, progress=True)
    times = pd.read_csv(options.benchmarks) if options.benchmarks else None
    table = leaderboard.make(known, options.preset, tables.read_paper(options.paper), options.root, own, times)
    files.write_text(options.output, table.to_csv(index=False))
    for experiment in known.experiments:
        shown = leaderboard.display(table, experiment)
        path = tables.display_path(Path(options.output).with_stem(f"{Path(options.output).stem}-{experiment}"))
        files.write_text(path, shown.to_csv(index=False))
        if names:
            print(f"\n{known.experiments[experiment].title}\n{leaderboard.plain(shown)}")


def _notebook(options):
    from papermill.exceptions import PapermillExecutionError

    from companion import notebooks

    try:
        notebooks.execute(options.source, options.target, {name: _value(value) for name, value in options.values})
    except PapermillExecutionError as error:
        raise ValueError(f"{options.source} failed\n{error}") from None


def _stage(options):
    from companion import book

    known = experiments.read(options.experiments)
    book.stage(options.source, Path(options.target), options.notebooks, options.tables, known, options.preset)


def _value(text):
    """A parameter as JSON where it reads as JSON (numbers, true, lists), else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
