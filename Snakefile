"""The graph of the book: runs -> tables and analyses -> notebooks -> book. `make book` calls it; so does a cluster (see the book).

Settings (--config NAME=VALUE): preset (of experiments.yml), out (folder of everything that is made), published (the archive
that comes with the repository, or `none` to make every run here), threads (per training).
"""

from pathlib import Path

from companion import analyses, browser_experiment, contents, experiments, measured_data, project, repository, runs
from companion.archive import MANIFEST, Archive

PRESET = config.get("preset", "paper")
OUT = Path(config.get("out", "."))
PUBLISHED = [] if config.get("published", "published") == "none" else [config.get("published", "published")]
THREADS = int(config.get("threads", 1))
ORIGIN = repository.read()
KNOWN = experiments.read()
NAMED = {name: run.key for name, run in KNOWN.runs(PRESET).items()}
BASE = {run.key: run.base.key for run in KNOWN.runs(PRESET).values() if run.base}
# Equal runs of several studies are one.
RUNS = {key: name for name, key in reversed(NAMED.items())}
KEPT = {key for folder in PUBLISHED for key in Archive(folder).keys}
# The job that makes a run: its own, or where the preset says `together` that of its experiment or study.
TOGETHER = KNOWN.preset(PRESET).together
JOB = {key: name.experiment if TOGETHER else str(name) for key, name in RUNS.items() if key not in KEPT}

BUILD = OUT / "build"
DATA = BUILD / "data"
RESULTS = OUT / "results"
PAGES = BUILD / "pages"
ROOT = [*PUBLISHED, str(OUT / "runs")]
ARCHIVE = [Path(folder) / MANIFEST for folder in PUBLISHED if Archive.is_at(folder)]
OWN = [path for path in [RESULTS / f"own/{PRESET}.csv"] if path.exists()]
BROWSER = browser_experiment.scripts(BUILD / "experiment/data.js")
PAPER = "book/paper_tables.csv"
# What shows titles and texts of this file lists it. The others know of its settings by the keys of their runs.
EXPERIMENTS = "experiments.yml"
BENCHMARKS = "benchmarks/benchmarks.csv"
PLACES = [word for place in ROOT for word in ("--root", place)]
ONE_THREAD = "OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"


def proof(key):
    """What says that a run is there: of a published one the check of its experiment, else the stamp of its job."""
    if key in KEPT:
        return str(RESULTS / f"checked/{RUNS[key].experiment}.csv")
    return str(BUILD / f"runs/{JOB[key]}.json")


def proofs(*wanted):
    """The proofs of all runs of these experiments and studies; of all without a name."""
    return sorted({proof(key) for name, key in NAMED.items() if not wanted or name.experiment in wanted})


def proofs_of(names):
    """The proofs of runs by name, and of those whose fitted denoisers they read out."""
    keys = {NAMED[name] for name in names}
    return sorted({proof(key) for key in keys | {BASE[key] for key in keys & BASE.keys()}})


def code(*modules):
    """The files that modules are made of, and the command line with what it reads itself."""
    own = ["companion.experiments", "companion.project"]
    return [*project.sources([*modules, *own]), "companion/__main__.py", "experiments.yml"]


def result(name):
    """Files of an analysis."""
    table = RESULTS / f"analyses/{name}.csv"
    return [
        table,
        *([table.with_suffix(".safetensors")] if name in analyses.with_arrays() else []),
    ]


# A row that was trained once takes the spread between trainings from the methods that were trained several times.
REPEATED = {name.experiment for name in KNOWN.repeats(PRESET)}
TABLES = {name: sorted({table.experiment} | REPEATED) for name, table in KNOWN.tables.items()}
TABLES |= {"seeds": sorted(REPEATED)}
TABLES |= {"summary": sorted({KNOWN.tables[name].experiment for name in KNOWN.tables} | REPEATED)}
STUDIES = {study: RESULTS / f"studies/{study}.csv" for study in KNOWN.studies}
PAGE = {page.name: page for page in contents.pages(KNOWN)}
NOTEBOOKS = sorted({page.source for page in PAGE.values()})
EXAMPLE = "examples/running_median.py"


def table_files(name):
    return [RESULTS / f"tables/{name}.csv", RESULTS / f"tables/{name}-display.csv"]


def read_by(page):
    """What a page reads: runs, tables, studies, analyses, and files of the repository."""
    read = [*page.reads(str(RESULTS)), *contents.FILES.get(page.name, ())]
    if "companion.contents" in project.cells(page.text):  # it lists the pages
        read += NOTEBOOKS
    if "companion.measured_data" in project.cells(page.text):
        read += measured_data.present()  # none where nobody has downloaded them
    if page.runs is None:
        read += proofs()
    elif page.runs:
        read += proofs(*page.runs)
    read += [path for name in page.named("tables_folder") for path in table_files(name.removesuffix("-display"))]
    shown = page.named("analyses_folder")
    if "study" in page.values:
        read += [STUDIES[page.values["study"]]]
        shown += [name for name in [page.values["study"]] if name in analyses.names()]
    # A page that shows an analysis says which runs it stands on, and loads them.
    read += [path for name in shown for path in (*result(name), *proofs_of(analyses.needs(name, KNOWN, PRESET)))]
    return read


localrules:
    all,


rule all:
    input:
        OUT / "_build/html/index.html",


for job in dict.fromkeys(JOB.values()):
    made = [key for key in JOB if JOB[key] == job]

    rule:
        name:
            f"run_{job}"
        input:
            # What reads out the denoiser of another run comes after it.
            sorted({proof(key) for key in map(BASE.get, made) if key} - {proof(key) for key in made}),
            code=code("companion.runs"),
        output:
            BUILD / f"runs/{job}.json",
        threads: THREADS
        params:
            # A change of anything that a run depends on in experiments.yml is another key.
            made=made,
            names=[str(RUNS[key]) for key in made],
            places=PLACES,
            data=DATA,
        shell:
            "OMP_NUM_THREADS={threads} python -m companion runs {params.names:q} --preset {PRESET:q} {params.places:q}"
            " --cache {params.data:q} --threads {threads} --stamp {output:q}"


rule check:
    input:
        ARCHIVE,
        code=code("companion.verification"),
    output:
        RESULTS / "checked/{experiment}.csv",
    wildcard_constraints:
        experiment="|".join([*KNOWN.experiments, *KNOWN.studies]),
    # The longest first: the maps of the system matrix.
    priority: 10
    params:
        runs=lambda wildcards: sorted(key for key, name in RUNS.items() if name.experiment == wildcards.experiment),
        places=PLACES,
        data=DATA,
    shell:
        "{ONE_THREAD} python -m companion check {wildcards.experiment:q} --preset {PRESET:q} {params.places:q}"
        " --cache {params.data:q} --output {output:q}"


rule table:
    input:
        lambda wildcards: proofs(*TABLES[wildcards.table]),
        paper=PAPER,
        experiments=EXPERIMENTS,
        code=code("companion.tables"),
    output:
        RESULTS / "tables/{table}.csv",
        RESULTS / "tables/{table}-display.csv",
    wildcard_constraints:
        table="|".join(TABLES),
    params:
        places=PLACES,
    shell:
        "{ONE_THREAD} python -m companion table {wildcards.table:q} --preset {PRESET:q} {params.places:q}"
        " --paper {input.paper:q} --output {output[0]:q}"


rule study:
    input:
        lambda wildcards: proofs(wildcards.study),
        experiments=EXPERIMENTS,
        code=code("companion.studies"),
    output:
        RESULTS / "studies/{study}.csv",
    params:
        places=PLACES,
    shell:
        "{ONE_THREAD} python -m companion study {wildcards.study:q} --preset {PRESET:q} {params.places:q} --output {output:q}"


rule leaderboard:
    input:
        proofs(*KNOWN.experiments),
        paper=PAPER,
        benchmarks=BENCHMARKS,
        own=OWN,
        experiments=EXPERIMENTS,
        code=code("companion.leaderboard"),
    output:
        RESULTS / "leaderboard.csv",
        [RESULTS / f"leaderboard-{name}-display.csv" for name in KNOWN.experiments],
    params:
        places=PLACES,
        own=[word for path in OWN for word in ("--own", path)],
    shell:
        "{ONE_THREAD} python -m companion leaderboard --preset {PRESET:q} {params.places:q} --paper {input.paper:q}"
        " --benchmarks {input.benchmarks:q} {params.own:q} --output {output[0]:q}"


for name in analyses.names():

    rule:
        name:
            f"analysis_{name}"
        input:
            proofs_of(analyses.needs(name, KNOWN, PRESET)),
            ARCHIVE,
            code=code("companion.analyses"),
        output:
            result(name),
        params:
            name=name,
            key=analyses.key(name, KNOWN, PRESET),
            places=PLACES,
            data=DATA,
        shell:
            "{ONE_THREAD} python -m companion analysis {params.name:q} --preset {PRESET:q} {params.places:q}"
            " --cache {params.data:q} --output {output[0]:q}"


rule browser:
    input:
        result("browser"),
        proofs_of(browser_experiment.needs(KNOWN, PRESET)),
        ARCHIVE,
        experiments=EXPERIMENTS,
        code=code("companion.browser_experiment"),
    output:
        BROWSER,
    params:
        places=PLACES,
        data=DATA,
    shell:
        "{ONE_THREAD} python -m companion browser --preset {PRESET:q} {params.places:q} --cache {params.data:q}"
        " --output {output[0]:q} --fitted {input[0]:q}"


for page in PAGE.values():

    rule:
        name:
            f"page_{page.name}"
        input:
            read_by(page),
            experiments=EXPERIMENTS,
            code=code(*project.cells(page.text), "companion.notebooks"),
            source=page.source,
        output:
            PAGES / f"{page.name}.ipynb",
            page.writes(str(RESULTS)),
        params:
            values=contents.words(page.parameters(str(RESULTS), PRESET, ROOT)),
        shell:
            "{ONE_THREAD} python -m companion notebook {input.source:q} {output[0]:q} {params.values:q}"


rule book:
    input:
        [path for path in sorted(Path("book").rglob("*")) if path.is_file()],
        "_config.yml",
        "CITATION.cff",
        "pyproject.toml",
        experiments=EXPERIMENTS,
        # The API page shows both packages.
        code=sorted(str(path) for name in project.PACKAGES for path in Path(name).rglob("*.py")),
        pages=[PAGES / f"{name}.ipynb" for name in PAGE],
        tables=[
            *(path for name in TABLES for path in table_files(name)),
            *(path for page in PAGE.values() for path in page.writes(str(RESULTS))),
            EXAMPLE,
        ],
        # What the notebooks to take home read comes along.
        read=sorted({str(path) for page in PAGE.values() for path in read_by(page)}),
        browser=BROWSER,
    output:
        OUT / "_build/html/index.html",
    params:
        source=BUILD / "source",
        out=OUT,
        # Not the commit: all that it could change in the book is among the inputs.
        places=[ORIGIN.address, ORIGIN.book],
    shell:
        # A fresh build each time: pages that are gone must not stay. Warnings and unresolved references are errors.
        "python -m companion stage {params.source:q} --preset {PRESET:q} --notebooks {input.pages:q} --tables {input.tables:q}"
        " --experiment {input.browser:q}"
        " && rm -rf {params.out:q}/_build"
        " && jupyter-book build {params.source:q} --config _config.yml --path-output {params.out:q}"
        " -W -n --keep-going --quiet"
        " && python -m companion finish {params.out:q}/_build/html"
