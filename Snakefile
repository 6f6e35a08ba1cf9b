"""The graph of the book: runs -> tables -> notebooks -> book. `make book` calls it; so does a cluster (see the book).

Settings (--config NAME=VALUE): preset (of experiments.yml), out (folder of everything that is made), published (folder of the
runs that come with the repository, or `none` to train them all), threads (per training).
"""

import os
from pathlib import Path

from companion import experiments

PRESET = config.get("preset", "paper")
OUT = Path(config.get("out", "."))
PUBLISHED = str(config.get("published", "published"))
THREADS = int(config.get("threads", 1))
KNOWN = experiments.read()
NAMED = KNOWN.runs(PRESET).items()
RUNS = {str(name): (name, run) for name, run in NAMED if not name.case}
# Each table with the experiments whose runs it needs; the summary needs those of all.
TABLES = {name: [table.experiment] for name, table in KNOWN.tables.items()} | {"seeds": ["xspace-gaussian"], "summary": []}
PACKAGE = sorted(str(path) for path in Path("mpicore").rglob("*.py"))

ROOT = os.pathsep.join([PUBLISHED] * (PUBLISHED != "none") + [str(OUT / "runs")])
BUILD = OUT / "build"
RESULTS = OUT / "results"
PAGES = BUILD / "pages"
STUDIES = {study: RESULTS / "studies" / f"{study}.csv" for study in KNOWN.studies}
ONE_THREAD = "OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"


def stamps(*names):
    """Stamps of all runs of these experiments; of all experiments without a name."""
    wanted = names or KNOWN.experiments
    return [BUILD / "runs" / f"{key}.json" for key, (name, _) in RUNS.items() if name.experiment in wanted]


def arguments(key):
    """What tells `python -m companion run` which run is meant."""
    name, _ = RUNS[key]
    return f"{name.experiment} {name.method} --seed {name.seed}" + " --tuned" * name.tuned


def verified(key):
    """Test signals of a published run to measure again: a hundred, but all of a matrix that a figure shows."""
    name, _ = RUNS[key]
    shown = name.experiment == "system-matrix" and name == KNOWN.best("system-matrix", name.method, PRESET)
    return "all" if shown and name.method in ("noisy", "n2n", "proposed") else 100


def table_files(name):
    return [RESULTS / "tables" / f"{name}.csv", RESULTS / "tables" / f"{name}-display.csv"]


# Each notebook: what it reads, what it writes beside its page, and its parameters.
WRITTEN = {name: RESULTS / "tables" / f"{name}.csv" for name in ("gridding", "kaczmarz", "even", "epochs", "lines", "window", "white", "distributions", "averages", "verdicts", "benchmarks", "provenance")}
WRITTEN |= {f"leaderboard-{b}": RESULTS / "tables" / f"leaderboard-{b}.csv" for b in ("gaussian", "interference", "matrix")}
WRITTEN |= {name: RESULTS / "tables" / f"{name}.csv" for name in (*STUDIES, "study-objects")}
EXAMPLE = "examples/running_median.py"
NOTEBOOKS = {
    name.replace("-", "_"): (
        [table, *(stamps("xspace-gaussian") if name == "study-signals" else [])],
        [WRITTEN[name]],
        {"root": ROOT, "source": table, "target": WRITTEN[name]},
    )
    for name, table in STUDIES.items()
} | {
    "study_objects": (stamps("xspace-gaussian"), [WRITTEN["study-objects"]], {"root": ROOT, "target": WRITTEN["study-objects"]}),
    "physics": ([], [], {}),
    "data": (
        ["book/paper_tables.csv"],
        [WRITTEN["gridding"], WRITTEN["kaczmarz"]],
        {"gridding_table": WRITTEN["gridding"], "kaczmarz_table": WRITTEN["kaczmarz"]},
    ),
    "figure1": ([], [], {}),
    "training": (stamps("xspace-gaussian"), [], {"root": ROOT}),
    "learning_curves": (stamps(), [], {"root": ROOT}),
    "table1": (
        [*table_files("table1"), *table_files("seeds"), *stamps("xspace-gaussian")],
        [WRITTEN["epochs"]],
        {"tables_folder": RESULTS / "tables", "root": ROOT, "epochs_table": WRITTEN["epochs"]},
    ),
    "loss_terms": (
        [*table_files("loss_terms"), *stamps("xspace-gaussian")],
        [WRITTEN["even"]],
        {"tables_folder": RESULTS / "tables", "root": ROOT, "even_table": WRITTEN["even"]},
    ),
    "table2": (
        [*table_files("table2"), *table_files("locked"), *stamps("xspace-harmonic", "xspace-locked")],
        [WRITTEN["lines"], WRITTEN["window"]],
        {"tables_folder": RESULTS / "tables", "root": ROOT, "line_table": WRITTEN["lines"], "window_table": WRITTEN["window"]},
    ),
    "table3": (
        [*table_files("table3"), *stamps("system-matrix")],
        [WRITTEN["white"]],
        {"tables_folder": RESULTS / "tables", "root": ROOT, "white_table": WRITTEN["white"]},
    ),
    "verdicts": (
        ["book/paper_tables.csv", *stamps()],
        [WRITTEN["verdicts"]],
        {"root": ROOT, "target": WRITTEN["verdicts"]},
    ),
    "leaderboard_gaussian": (
        [RESULTS / "leaderboard.csv", RESULTS / "tables/seeds.csv"],
        [WRITTEN["leaderboard-gaussian"], WRITTEN["distributions"]],
        {
            "root": ROOT, "source": RESULTS / "leaderboard.csv", "target": WRITTEN["leaderboard-gaussian"],
            "seeds_table": RESULTS / "tables/seeds.csv", "estimates_table": WRITTEN["distributions"],
        },
    ),
    "leaderboard_interference": (
        [RESULTS / "leaderboard.csv"],
        [WRITTEN["leaderboard-interference"]],
        {"root": ROOT, "source": RESULTS / "leaderboard.csv", "target": WRITTEN["leaderboard-interference"]},
    ),
    "leaderboard_matrix": (
        [RESULTS / "leaderboard.csv"],
        [WRITTEN["leaderboard-matrix"]],
        {"root": ROOT, "source": RESULTS / "leaderboard.csv", "target": WRITTEN["leaderboard-matrix"]},
    ),
    "averages": (stamps("system-matrix"), [WRITTEN["averages"]], {"root": ROOT, "target": WRITTEN["averages"]}),
    "figure2": (stamps("xspace-gaussian"), [], {"root": ROOT}),
    "figure3": (stamps("system-matrix"), [], {"root": ROOT}),
    "benchmarks": (
        [RESULTS / "benchmarks.csv"],
        [WRITTEN["benchmarks"]],
        {"source": RESULTS / "benchmarks.csv", "target": WRITTEN["benchmarks"]},
    ),
    "provenance": (stamps(), [WRITTEN["provenance"]], {"root": ROOT, "target": WRITTEN["provenance"]}),
}
SHOWN_TABLES = [path for name in TABLES for path in table_files(name)] + list(WRITTEN.values())


localrules:
    all,


rule all:
    input:
        OUT / "_build/html/index.html",


rule run:
    output:
        BUILD / "runs/{run}.json",
    params:
        # A run is known by its key: a change of anything it depends on in experiments.yml makes a new one.
        key=lambda wildcards: RUNS[wildcards.run][1].key,
        arguments=lambda wildcards: arguments(wildcards.run),
        verified=lambda wildcards: verified(wildcards.run),
        root=ROOT,
    threads: THREADS
    shell:
        "OMP_NUM_THREADS={threads} python -m companion run {params.arguments} --preset {PRESET}"
        " --root {params.root} --verify {params.verified} --threads {threads} --stamp {output}"


rule table:
    input:
        lambda wildcards: stamps(*TABLES[wildcards.table]),
        paper="book/paper_tables.csv",
        code=["companion/tables.py", "mpicore/metrics.py"],
    output:
        RESULTS / "tables/{table}.csv",
        RESULTS / "tables/{table}-display.csv",
    wildcard_constraints:
        table="|".join(TABLES),
    params:
        root=ROOT,
    shell:
        "{ONE_THREAD} python -m companion table {wildcards.table} --preset {PRESET} --root {params.root}"
        " --paper {input.paper} --output {output[0]}"


rule study:
    input:
        # The others share runs with the first.
        lambda wildcards: [] if wildcards.study == next(iter(STUDIES)) else next(iter(STUDIES.values())),
    output:
        RESULTS / "studies/{study}.csv",
    params:
        # As for single runs: a change of the study in experiments.yml makes it again.
        runs=lambda wildcards: [run.key for name, run in NAMED if name.experiment == wildcards.study],
        root=ROOT,
    threads: THREADS
    shell:
        "OMP_NUM_THREADS={threads} python -m companion study {wildcards.study} --preset {PRESET}"
        " --root {params.root} --verify 20 --threads {threads} --output {output}"


rule leaderboard:
    input:
        stamps(),
        paper="book/paper_tables.csv",
        benchmarks=RESULTS / "benchmarks.csv",
        code=["companion/leaderboard.py", "mpicore/metrics.py"],
    output:
        RESULTS / "leaderboard.csv",
    params:
        root=ROOT,
    shell:
        "{ONE_THREAD} python -m companion leaderboard --preset {PRESET} --root {params.root} --paper {input.paper}"
        " --benchmarks {input.benchmarks} --output {output}"


rule benchmark:
    input:
        Path("benchmarks").glob("*.py"),
        [f"mpicore/{name}.py" for name in ("simulation", "network", "reconstruction", "phantoms", "noise", "forward", "unet")],
        Path("mpicore/denoisers").glob("*.py"),
    output:
        RESULTS / "benchmarks.csv",
    params:
        quick="--quick" if PRESET == "smoke" else "",
    # All cores for itself: nothing else may disturb the timing.
    threads: workflow.cores
    shell:
        "python -m benchmarks.benchmark --output {output} {params.quick}"


for notebook, (reads, writes, parameters) in NOTEBOOKS.items():

    rule:
        name:
            f"notebook_{notebook}"
        input:
            reads,
            PACKAGE,
            "experiments.yml",
            source=f"notebooks/{notebook}.md",
        output:
            [PAGES / f"{notebook}.ipynb", *writes],
        priority: int(notebook in ("averages", "table3"))  # the longest first, so that none is left at the end
        params:
            values=" ".join(f"-p {name} {value}" for name, value in {"preset": PRESET, **parameters}.items()),
        shell:
            "{ONE_THREAD} python -m companion notebook {input.source} {output[0]} {params.values}"


rule book:
    input:
        [path for path in Path("book").rglob("*") if path.is_file()],
        PACKAGE,
        "_config.yml",
        "experiments.yml",
        pages=[PAGES / f"{name}.ipynb" for name in NOTEBOOKS],
        tables=[*SHOWN_TABLES, EXAMPLE],
    output:
        OUT / "_build/html/index.html",
    params:
        source=BUILD / "source",
        out=OUT,
    shell:
        # A fresh build each time: pages that are gone must not stay. Warnings and unresolved references are errors.
        "python -m companion stage {params.source} --preset {PRESET} --notebooks {input.pages} --tables {input.tables}"
        " && rm -rf {params.out}/_build"
        " && jupyter-book build {params.source} --config _config.yml --path-output {params.out}"
        " -W -n --keep-going --quiet"
