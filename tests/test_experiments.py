"""The real experiments file, what is refused in a changed one, and the runs that its names stand for."""

import re
from dataclasses import replace

import pytest
import yaml

from companion import experiments
from companion.config import RunConfig, RunName
from companion.experiments import Experiments
from mpicore import datasets, denoisers
from mpicore.noise import Interference, Noise

PRESETS = ["smoke", "preview", "paper"]


@pytest.fixture
def changed(root, tmp_path):
    """Write the real file with pieces of text replaced, ``(old, new, old, new ...)``, and return its path."""
    text = (root / "experiments.yml").read_text(encoding="utf-8")

    def write(*pieces):
        result = text
        for old, new in zip(pieces[::2], pieces[1::2], strict=True):
            assert old in result
            result = result.replace(old, new, 1)
        path = tmp_path / "experiments.yml"
        path.write_text(result, encoding="utf-8")
        return path

    return write


# The real file


def test_the_real_file_is_read(book):
    """Its methods, weights and noise are those of the source paper."""
    assert isinstance(book, Experiments)
    assert list(book.experiments) == [
        "xspace-gaussian",
        "xspace-slow",
        "xspace-literal",
        "xspace-harmonic",
        "xspace-locked",
        "system-matrix",
        "system-matrix-quadrant",
        "system-matrix-half",
    ]
    assert list(book.presets) == PRESETS
    assert book.methods["proposed"].options == {"alpha": 0.05, "beta": 0.01}
    assert book.methods["r2r"].options == {"strength": 0.5}
    assert book.file.reference_rms == {"x-space": 228, "system-matrix": 187}
    assert book.experiments["xspace-gaussian"].noise == Noise(5.0)
    assert book.experiments["xspace-harmonic"].noise == Noise(15.0, interference=Interference(5.0, (2, 3, 5)))
    assert book.experiments["xspace-locked"].noise.interference.phases == "locked"
    paper = book.presets["paper"]
    assert paper.shape == (101, 101)
    assert paper.sizes == {"x-space": (8000, 1000, 1000), "system-matrix": (8160, 1020, 1021)}
    assert (paper.training.batch_size, paper.training.learning_rate) == (4, 1e-4)
    assert paper.recorruptions == {"x-space": 50, "system-matrix": 10}


def test_noise_of_the_test_sets_adds_up(book):
    """15 dB and 5 dB are 4.58 dB, and the matched variant is the 6.20 dB of the paper's noisy row."""
    variants = book.experiments["xspace-harmonic"].variants
    totals = {name: noise.total_snr_db for name, noise in variants.items()}
    assert totals == {"literal": pytest.approx(4.586, abs=1e-3), "matched": pytest.approx(6.20, abs=5e-3)}
    assert book.experiments["xspace-harmonic"].noise == variants["literal"]
    assert book.experiments["xspace-gaussian"].variants == {"literal": book.experiments["xspace-gaussian"].noise}


def test_every_method_is_described(book):
    """What it is called and what it knows stand with it; a ceiling says that it knows what nobody knows."""
    for name, method in book.methods.items():
        assert method.title and method.knows, name
        assert method.knows.startswith("clean signals") == (
            denoisers.find(method.denoiser).supervised and "dct" not in name
        )
    titles = [method.title for method in book.methods.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_run_of_every_preset_resolves(book, preset):
    """All rows of all tables, each of another key, each with a denoiser that takes its options."""
    named = book.runs(preset)
    assert len({str(name) for name in named}) == len(named) == len(book.names(preset))
    assert set(book.repeats(preset)) <= named.keys()
    shown = {book.shown(name, method, preset) for name, entry in book.experiments.items() for method in entry.listed}
    assert shown <= named.keys()
    assert {name for name in named if name.tuned and not name.seed} == {name for name in shown if name.tuned}
    for name, table in book.tables.items():
        assert {run for rows in book.rows(name, preset).values() for run in rows} <= named.keys()
        methods = {name.method for name in named if name.experiment == table.experiment and not name.seed}
        assert set(table.methods) <= methods
    for method in book.experiments["xspace-gaussian"].repeated:
        seeds = {name.seed for name in named if (name.experiment, name.method) == ("xspace-gaussian", method)}
        assert seeds == set(range(book.presets[preset].seeds))
    keys = [run.key for name, run in named.items() if not name.case]
    assert len(set(keys)) == len(keys)
    for name, run in named.items():
        assert isinstance(run, RunConfig)
        assert (run.experiment, run.method) == (name.experiment, name.method)
        assert run.scanner.shape == book.presets[preset].shape
        assert name.case or run.split or run.sizes == book.presets[preset].sizes[run.dataset]
        assert (run.training is None) == (run.seed is None) == (run.protocol is None)
        assert (run.training is None) == (book.methods[run.method].network is None)
        assert (run.kaczmarz is None) == (run.objects is None) == (run.dataset == "x-space")
        assert (run.gridding is None) == (run.dataset == "system-matrix")
        assert run.options.get("recorruptions") == (
            book.presets[preset].recorruptions[run.dataset] if run.method == "r2r" else None
        )
        assert run.options.keys() == denoisers.parameters(run.denoiser).keys()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("split", ["quadrant", "half"])
def test_a_block_that_is_left_out_leaves_the_rest_to_train(book, preset, split):
    """As many pixels as the preset asks for, or all that there are."""
    run, plain = (book.run(name, "noisy", preset) for name in (f"system-matrix-{split}", "system-matrix"))
    most = datasets.most_pixels(run.scanner, split)
    assert run.split == split and plain.split is None
    assert run.sizes == tuple(min(pair) for pair in zip(plain.sizes, most, strict=True))


def test_methods_of_one_experiment_train_alike(book):
    """The same data, network and number of steps for every method."""
    for name in ("xspace-gaussian", "xspace-harmonic"):
        n2n, r2r, proposed = (book.run(name, method, "paper") for method in ("n2n", "r2r", "proposed"))
        for part in ("training", "sizes", "noise", "test_noise", "data_seed", "seed", "scanner", "protocol"):
            assert getattr(n2n, part) == getattr(r2r, part) == getattr(proposed, part)
        for option in ("width", "dropout"):
            assert n2n.options[option] == r2r.options[option] == proposed.options[option]


# What is refused


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("data_seed: 0", "data_sead: 0", "data_sead: Extra inputs are not permitted"),
        ("data_seed: 0\n", "", "data_seed: Field required"),
        ("epochs: 2,", "epochs: 2, epoch: 3,", "presets.smoke.training.epoch: .*, got 3"),
        ("data_seed: 0", "data_seed: zero", "data_seed: Input should be a valid integer, got 'zero'"),
        ("data_seed: 0", "data_seed: -1", "data_seed: Input should be greater than or equal to 0, got -1"),
        ("revision: 3", "revision: true", "revision: Input should be a valid integer, got True"),
        ("epochs: 2,", "epochs: 2.5,", "presets.smoke.training.epochs: .*integer.*, got 2.5"),
        ("epochs: 2,", "epochs: true,", "presets.smoke.training.epochs: .*integer.*, got True"),
        ("epochs: 2,", "epochs: 0,", "presets.smoke.training: .*epochs must be .*, got 0"),
        (
            "1.0e-3",
            "1e-3",
            "presets.smoke.training.learning_rate: .*number, got '1e-3'; YAML .* such as 1.0e-3",
        ),
        ("1.0e-3", "0.0", "presets.smoke.training: .*learning_rate must be .*, got 0.0"),
        ("dropout: 0.02", "dropout: 1.0", "presets.smoke.network.dropout: Input should be less than 1, got 1.0"),
        ("one-cycle", "cosine", "presets.smoke.training.schedule: .*'constant' or 'one-cycle', got 'cosine'"),
        ("{snr_db: 5.0}", "{snr_db: .nan}", "xspace-gaussian.noise.*snr_db must be .*, got nan"),
        ("{snr_db: 5.0}", "{snr_db: true}", "xspace-gaussian.noise.snr_db: .*number, got True"),
        ("{snr_db: 5.0}", "{snr_dB: 5.0}", "xspace-gaussian.noise.snr_d[bB]"),
        ("{sir_db: 5.0, harmonics: [2, 3, 5]}", "{sir: 5.0}", "xspace-harmonic.noise.interference.sir"),
        ("{snr_db: 5.0}", "{snr_db: 5.0, sir_db: 5.0}", "xspace-gaussian.noise.sir_db"),
        ("harmonics: [2, 3, 5]", "harmonics: [2, 0]", "xspace-harmonic.noise.interference: .*harmonics.*, got 0"),
        ("strength: 0.5", "strength: much", "methods.r2r.options.strength.*, got 'much'"),
        ("strength: 0.5", "strength: .inf", "methods.r2r.options.strength"),
        ("dataset: x-space", "dataset: y-space", "xspace-gaussian.dataset: .*, got 'y-space'"),
        ("shape: [21, 21]", "shape: [21]", "presets.smoke.shape.1: Field required"),
        ("x-space: [32, 8, 8]", "x-space: [32, 0, 8]", "presets.smoke.sizes.x-space.1: .*, got 0"),
        ("title: Gaussian noise at 5 dB", "title: 5", "xspace-gaussian.title: Input should be a valid string, got 5"),
        ("title: Gaussian noise at 5 dB", "title: 2024-05-01", "xspace-gaussian.title"),
        ('"#AAAAAA"\n    marker: "X"', '"grey"\n    marker: "X"', "methods.noisy.colour: .*, got 'grey'"),
        ("drive_frequency: [25.0e+3, 0.5e+3]", "drive_frequency: [25.0e+3]", "scanners.x-space.drive_frequency"),
        ("[25.0e+3, 0.5e+3]", "[25.0e+3, 0.7e+3]", "scanners.x-space: .*sampling_frequency must be a whole multiple"),
        ("core_diameter: 30.0e-9, temp", "diameter: 30.0e-9, temp", "particle.diameter"),
        ("temperature: 293.0", "temperature: -1.0", "particle: .*temperature must be positive.*, got -1.0"),
        ("outside: zero", "outside: mean", "gridding.*outside.*, got 'mean'"),
        ("slow_fraction: 0.45", "slow_fraction: 1.5", "gridding: .*slow_fraction must .*, got 1.5"),
        ("sweeps: 10", "sweeps: 0", "kaczmarz: .*sweeps must .*, got 0"),
        ("{gradient_scale: 0.98}", "{gradient: 0.98}", "studies.study-mismatch.cases.weaker.truth.gradient"),
        ("relaxation_time: 1.0e-6}", "relaxation_spread: 0.5}", "cases.relax1.truth: .*relaxation_time"),
        ("signals: 50}", "signals: 0}", "studies.study-signals.cases.50.signals: .*, got 0"),
        # What names mean together.
        ("denoiser: low_pass", "denoiser: median", "methods.low_pass.denoiser must be one of .*; got 'median'"),
        ("{strength: 0.5}", "{strength: 0.5, alpha: 0.1}", "methods.r2r.options must be .*strength.*; got 'alpha'"),
        ("denoiser: average", "denoiser: average\n    options: {a: 1}", "methods.average.options .*; got 'a'"),
        ("{alpha: 0.05, beta: 0.01}", "{sigma: 0.1}", "methods.proposed.options must be one of .*; got 'sigma'"),
        ("denoiser: n2n\n", "denoiser: n2n\n    options: {alpha: 0.1}\n", "methods.n2n.options .*; got 'alpha'"),
        ("{alpha: 0.05, beta: 0.01}", "{seed: 3}", "methods.proposed.options must be one of .*; got 'seed'"),
        (
            "tuned: [n2n, r2r, proposed, l1, l1_gd, l1_tv, supervised]",
            "tuned: [median]",
            "method of xspace-gaussian must be one of .*; got 'median'",
        ),
        (
            "tuned: [n2n, r2r, proposed, l1, l1_gd, l1_tv, supervised]",
            "tuned: [forward_n2n]",
            "tuned methods of xspace-gaussian must train a signal-network, got 'forward_n2n'",
        ),
        ("repeated: [n2n, proposed, ", "repeated: [median, ", "repeated method of .*; got 'median'"),
        ("repeated: [n2n, proposed, ", "repeated: [average, ", "repeated methods of .* must train, got 'average'"),
        (
            "title: Gaussian noise at 5 dB\n",
            "title: Gaussian noise at 5 dB\n    weights: false\n",
            "xspace-gaussian must keep its weights, n2n_projected reads out n2n",
        ),
        ("experiment: xspace-locked", "experiment: xspace-open", "experiment of locked must be .*; got 'xspace-open'"),
        ("[l1, l1_gd, l1_tv, proposed]", "[l1, l2]", "method of loss_terms must be one of .*; got 'l2'"),
        ("xspace-locked: *inter", "xspace-lost: *inter", "presets.paper.tuned must be one of .*; got 'xspace-lost'"),
        (", system-matrix: [32, 8, 8]", "", "presets.smoke.sizes.*system-matrix"),
        ("  system-matrix: 187.0\n", "", "reference_rms.*system-matrix"),
        ("  system-matrix: {drive_frequency: [25.0e+3, 24.75e+3]}\n", "", "scanners.*system-matrix"),
        ("study-snr:", "xspace-locked:", "study xspace-locked has the name of an experiment"),
        ("options: {alpha: 0.5}}", "options: {gamma: 0.5}}", "option of proposed in .*alpha05 .*; got 'gamma'"),
        (
            "xspace-gaussian\n    methods: [noisy, wiener_antisymmetric",
            "system-matrix\n    methods: [noisy, wiener_antisymmetric",
            "studies of system-matrix data must be whole, study-snr is not",
        ),
        (
            "options: {width: 24}}\n  study-null",
            "signals: 50}\n  study-null",
            "signals of study-width-matrix.wide must be of a study of x-space data",
        ),
        (
            "dataset: system-matrix\n",
            "dataset: system-matrix\n    test_phantoms: rings\n",
            "test_phantoms are for x-space",
        ),
        (
            "dataset: x-space\n",
            "dataset: x-space\n    split: half\n",
            "split is for system-matrix data, xspace-gaussian has x-space",
        ),
        ("split: quadrant", "split: third", "experiments.system-matrix-quadrant.split: .*, got 'third'"),
    ],
)
def test_changed_files_are_refused_by_name(changed, old, new, message):
    """Whatever is wrong, the file and the place in it are named."""
    path = changed(old, new)
    with pytest.raises(ValueError, match=re.compile(f"^{re.escape(str(path))}.*{message}", re.DOTALL)):
        experiments.read(path)


@pytest.mark.parametrize(
    "old, new",
    [
        ("denoiser: n2n\n    network: signal-network", "denoiser: n2n"),
        ("denoiser: n2n\n    network: signal-network", "denoiser: n2n\n    network: image-network"),
        ("denoiser: n2n\n    network: signal-network", "denoiser: n2n\n    network: u-net"),
        ("denoiser: forward_n2n\n    network: image-network", "denoiser: forward_n2n\n    network: signal-network"),
        ("denoiser: average", "denoiser: average\n    network: signal-network"),
        ("denoiser: oracle_wiener", "denoiser: oracle_wiener\n    network: signal-network"),
    ],
)
def test_a_network_that_the_denoiser_does_not_train_is_refused(changed, old, new):
    path, name = changed(old, new), re.search(r"denoiser: (\w+)", old)[1]
    with pytest.raises(ValueError, match=re.compile(f"^{re.escape(str(path))}.*methods.{name}.*network", re.DOTALL)):
        experiments.read(path)


@pytest.mark.parametrize(
    "old, new, key",
    [
        ("data_seed: 0\n", "data_seed: 0\ndata_seed: 1\n", "data_seed"),
        ("{snr_db: 5.0}", "{snr_db: 5.0, snr_db: 6.0}", "snr_db"),
        ("    title: Noisy\n", "    title: Noisy\n    title: Other\n", "title"),
        ("      0: {noise: {snr_db: 0.0}}\n", '      0: {noise: {snr_db: 0.0}}\n      "0": {}\n', "0"),
        ("epochs: 2,", "epochs: 2, epochs: 2,", "epochs"),
        ("core_diameter: 32.0e-9, oversampling: 2", "oversampling: 1, oversampling: 2", "oversampling"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(changed, old, new, key):
    """At any depth, and also where a number is repeated as a text."""
    path = changed(old, new)
    text = path.read_text()
    line = 1 + text[: text.index(new) + new.rindex(key)].count("\n")
    with pytest.raises(ValueError, match=re.compile(f"{path}.*found the key '{key}' twice.*line {line},", re.DOTALL)):
        experiments.read(path)


@pytest.mark.parametrize("key", ["2024-05-01", "off", "yes", "1.5", "~", "010", "0x10", "[a, b]", ".nan", "12:30"])
def test_a_key_that_is_no_name_is_refused_with_its_line(changed, key):
    """YAML takes these for dates, truths, numbers: what is read would not be what stands there."""
    path = changed("      25: {noise: {snr_db: 25.0}}", f"      ? {key}\n      : {{}}")
    with pytest.raises(
        ValueError, match=re.compile(f"{path} is not valid YAML: found a key that is no name", re.DOTALL)
    ):
        experiments.read(path)


@pytest.mark.parametrize(
    "text", ["presets: [1, 2", "a: b: c", "\tx: 1", "a: *b", "\x00", "a: !!python/object:os.system {}"]
)
def test_files_that_are_not_yaml_are_refused(tmp_path, text):
    path = tmp_path / "experiments.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} is not valid YAML"):
        experiments.read(path)


def test_files_in_another_encoding_are_refused(tmp_path):
    path = tmp_path / "experiments.yml"
    path.write_bytes("title: Größe".encode("latin-1"))
    with pytest.raises(ValueError, match=f"{path} is not valid YAML"):
        experiments.read(path)


@pytest.mark.parametrize("text", ["", "[]", "just words", "2024-05-01"])
def test_files_without_keys_are_refused(tmp_path, text):
    path = tmp_path / "experiments.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} is refused"):
        experiments.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OSError, match=r"experiments\.yml"):
        experiments.read(tmp_path / "experiments.yml")


@pytest.mark.parametrize(
    "names, message",
    [
        (("xspace", "n2n", "smoke"), "experiment must be one of xspace-gaussian, .*; got 'xspace'"),
        (("xspace-locked", "r2r", "smoke"), "method of xspace-locked must be one of noisy, n2n, proposed; got 'r2r'"),
        (("system-matrix", "n2n", "huge"), "preset must be one of smoke, preview, paper; got 'huge'"),
        (("system-matrix", "n2n", "smoke", -1), "seed must be a whole number of at least 0, got -1"),
        (("system-matrix", "n2n", "smoke", 0, True), "preset smoke has no tuned protocol for system-matrix"),
        (("system-matrix", "n2n", "smoke", 0.5), "seed must be a whole number of at least 0, got 0.5"),
        (("xspace-gaussian", "average", "smoke", 1), "average does not train and has no seed, got 1"),
        (("xspace-gaussian", "average", "paper", 0, True), "average has no tuned protocol"),
        (("xspace-gaussian", "forward_n2n", "paper", 0, True), "forward_n2n has no tuned protocol"),
    ],
)
def test_unknown_runs_are_named(book, names, message):
    with pytest.raises(ValueError, match=message):
        book.run(*names)


@pytest.mark.parametrize(
    "names, message",
    [
        (("study", "5", "n2n", "smoke"), "study must be one of study-snr, .*; got 'study'"),
        (("study-snr", "6", "noisy", "smoke"), "case of study-snr must be one of minus5, 0, 5, 15, 25; got '6'"),
        (("study-snr", "5", "r2r", "smoke"), "method of study-snr must be one of noisy, .*; got 'r2r'"),
        (("study-snr", "5", "noisy", "huge"), "preset must be one of smoke, preview, paper; got 'huge'"),
    ],
)
def test_unknown_runs_of_studies_are_named(book, names, message):
    with pytest.raises(ValueError, match=message):
        book.study_run(*names)


# What is configured is what runs


def test_the_scanner_and_the_particle_are_those_of_the_file(book, changed):
    other = experiments.read(
        changed("[25.0e+3, 24.75e+3]}", "[25.0e+3, 24.75e+3], gradient: [0.5, 0.4]}", "30.0e-9, temp", "25.0e-9, temp")
    )
    run = other.run("system-matrix", "noisy", "paper")
    assert run.scanner.gradient == (0.5, 0.4) and run.scanner.shape == (101, 101)
    assert run.particle.core_diameter == 25e-9
    signal = other.run("xspace-gaussian", "noisy", "paper")
    assert signal.scanner == book.run("xspace-gaussian", "noisy", "paper").scanner
    # Where nothing else is said, the data are made with the particles that the methods know.
    assert signal.truth.core_diameter == 25e-9
    assert other.study_run("study-mismatch", "stronger", "gp_wiener", "paper").truth.core_diameter == 25e-9
    assert other.study_run("study-mismatch", "plus2nm", "gp_wiener", "paper").truth.core_diameter == 32e-9


def test_a_method_may_set_what_the_preset_sets_for_all(book, changed):
    """Its own options are not overwritten."""
    other = experiments.read(
        changed("options: {alpha: 0.05, beta: 0.01}", "options: {alpha: 0.05, beta: 0.01, width: 7}")
    )
    run, plain = (known.run("xspace-gaussian", "proposed", "paper") for known in (other, book))
    assert run.options == {**plain.options, "width": 7}
    again = experiments.read(changed("{strength: 0.5}", "{strength: 0.5, recorruptions: 9}"))
    assert again.run("xspace-gaussian", "r2r", "smoke").options["recorruptions"] == 9


def test_a_study_may_have_its_own_size_and_seeds(book):
    """The whole size of its experiment; as many trainings as a case asks for, and not more than the preset has."""
    paper, study = book.presets["paper"], "study-network"
    plain = book.study_run(study, "stride3", "n2n", "paper", seed=2)
    assert plain.sizes == paper.sizes["x-space"] and plain.seed == 2
    assert plain.training == paper.study_network.training
    assert [name.seed for name in book.cases(study, "stride3", "n2n", "paper")] == [0, 1, 2]
    assert [name.seed for name in book.cases(study, "stride4", "n2n", "paper")] == [0, 1]
    assert [name.seed for name in book.cases("study-null", "same", "n2n", "smoke")] == [0, 1]
    assert [name.seed for name in book.cases("study-snr", "5", "noisy", "paper")] == [0]


def test_mirror_images_are_refused_where_the_scanner_measures_none(changed):
    """The x drive then makes 51 cycles in a period."""
    with pytest.raises(
        ValueError, match="n2n_mirrored of xspace-gaussian needs an even number of samples and of cycles"
    ):
        experiments.read(changed("drive_frequency: [25.0e+3, 0.5e+3]", "drive_frequency: [27.5e+3, 0.5e+3]"))


def test_epochs_of_what_does_not_train_are_refused(changed):
    old = """linear_n2n, gp_wiener, forward_n2n]
    cases:
      none: {title: "no tones"""
    new = old.replace(", forward_n2n", "").replace("{title", "{epochs: 3, title")
    with pytest.raises(ValueError, match=r"epochs are for methods that train, study-tones\.none has none"):
        experiments.read(changed(old, new))


def test_a_case_may_have_its_own_epochs_and_periods(changed):
    """Of more periods as many steps are made, as far as whole epochs allow."""
    other = experiments.read(
        changed("      stride2: {title", "      long: {epochs: 30}\n      ten: {periods: 10}\n      stride2: {title")
    )
    plain, long, ten = (other.study_run("study-network", case, "n2n", "paper") for case in ("stride3", "long", "ten"))
    assert long.training.epochs == 30 and ten.periods == 10 and plain.periods is None
    assert ten.training.epochs * 10 == plain.training.epochs


def test_a_case_of_a_study_changes_what_it_names_alone(book):
    plain = book.study_run("study-snr", "5", "proposed", "paper")
    loud = book.study_run("study-snr", "minus5", "proposed", "paper")
    assert replace(loud, noise=plain.noise, test_noise=plain.test_noise) == plain
    assert loud.noise == Noise(-5.0) and loud.test_noise == {"literal": Noise(-5.0)}
    heavy = book.study_run("study-weights", "alpha5", "proposed", "paper")
    assert heavy.options == {**plain.options, "alpha": 5.0}
    assert plain.sizes == book.presets["paper"].study
    protocol = book.presets["paper"].study_network
    assert plain.training == protocol.training and plain.protocol == "study"
    assert {name: plain.options[name] for name in ("width", "dropout", "stride")} == protocol.network.model_dump()
    finer = book.study_run("study-mismatch", "finer", "proposed", "paper")
    assert replace(finer, truth=plain.truth, experiment="study-snr") == plain and finer.truth.oversampling == 2


def test_fewer_signals_are_seen_more_often(book):
    """The number of steps stays: 1000 signals for 10 epochs are 50 for 200; a tenth as many are for validation."""
    few = book.study_run("study-signals", "50", "proposed", "paper")
    all_of_them = book.study_run("study-signals", "all", "proposed", "paper")
    assert few.sizes == (50, 5, 300) and all_of_them.sizes == (1000, 100, 300)
    assert few.training.epochs * 50 == all_of_them.training.epochs * 1000
    closed = book.study_run("study-signals", "50", "gp_wiener", "paper")
    assert closed.training is None and closed.sizes == (50, 5, 300)


def test_protocols_are_labelled_for_every_kind_of_method(book):
    """The first of the paper's network, the second and that of studies, those of networks on images, and none."""
    labels = {name: (config.protocol, book.methods[name.method].network) for name, config in book.runs("paper").items()}
    for name, (label, network) in labels.items():
        expected = {"image-network": "forward model", "component-network": "components", None: None}
        expected["signal-network"] = "study" if name.case else "tuned" if name.tuned else "paper"
        assert label == expected[network], name
    found = {label for label, _ in labels.values()}
    assert found == {"paper", "tuned", "study", "forward model", "components", None}
    assert {config.protocol for config in book.runs("smoke").values()} == {"paper", "forward model", "components", None}


def test_equal_cases_of_two_studies_are_one_run(book):
    same = [("study-snr", "5"), ("study-signals", "all"), ("study-noise", "white"), ("study-mismatch", "none")]
    keys = {book.study_run(study, case, "gp_wiener", "paper").key for study, case in same}
    assert len(keys) == 1
    weights = {
        book.study_run(study, case, "proposed", "paper").key for study, case in [*same, ("study-weights", "paper")]
    }
    assert len(weights) == 1


def test_a_case_that_is_an_experiment_is_one_run_with_it(book, changed):
    """The names differ, the key does not: at the sizes of the experiment a study trains nothing again."""
    other = experiments.read(changed("study: [1000, 100, 300]", "study: [8000, 1000, 1000]"))
    case = book.study_run("study-network", "width24", "n2n", "paper")
    assert case.key == book.run("xspace-gaussian", "n2n", "paper", tuned=True).key
    assert (
        other.study_run("study-snr", "5", "forward_n2n", "paper").key
        == other.run("xspace-gaussian", "forward_n2n", "paper").key
    )


def test_a_denoiser_from_outside_has_a_run_of_its_own(book):
    """Told apart by its code; the data are those of all methods."""
    first, second = (book.own("xspace-harmonic", _own(), source, "smoke") for source in ("0123", "4567"))
    assert first.key != second.key
    plain = book.run("xspace-harmonic", "noisy", "smoke")
    assert replace(plain, method=first.method, denoiser=first.denoiser, options=first.options, source="0123") == first
    assert first.training is None and first.seed is None and first.protocol is None
    assert first.options == {"gain": 2.0}


def _own():
    """A denoiser that the file does not list, registered once."""
    if "doubled" not in denoisers.names():

        @denoisers.register("doubled")
        class Doubled(denoisers.Denoiser):
            def __init__(self, gain: float = 2.0):
                self.gain = gain

            def denoise(self, u):
                return self.gain * u

    return "doubled"


def test_denoisers_that_the_file_has_are_not_own_ones(book):
    with pytest.raises(ValueError, match="'n2n' has the name of a method in the experiments file"):
        book.own("xspace-gaussian", "n2n", "0123", "smoke")
    with pytest.raises(ValueError, match="experiment must be one of"):
        book.own("xspace", _own(), "0123", "smoke")


# Keys


def test_a_key_does_not_depend_on_the_order_of_the_file(book, root, tmp_path):
    def backwards(value):
        return {k: backwards(value[k]) for k in reversed(value)} if isinstance(value, dict) else value

    path = tmp_path / "experiments.yml"
    path.write_text(yaml.safe_dump(backwards(yaml.safe_load((root / "experiments.yml").read_text())), sort_keys=False))
    other = experiments.read(path)
    for name, run in book.runs("preview").items():
        assert other.named(name, "preview").key == run.key
        assert list(other.named(name, "preview").test_noise) == list(run.test_noise)  # figures show the first


def test_a_key_tells_seeds_apart(book):
    keys = {book.run("xspace-gaussian", "proposed", "smoke", seed).key for seed in range(20)}
    assert len(keys) == 20


METHODS = {"noisy", "wavelet", "gp_wiener", "n2n", "r2r", "proposed", "forward_n2n"}
TRAINED = {"n2n", "r2r", "proposed"}


@pytest.mark.parametrize(
    "old, new, moved",
    [
        ("epochs: 2,", "epochs: 3,", TRAINED),
        ("width: 4", "width: 5", TRAINED),
        ("width: 4, dropout: 0.0}", "width: 4, dropout: 0.1}", {"forward_n2n"}),
        ("recorruptions: {x-space: 2,", "recorruptions: {x-space: 3,", {"r2r"}),
        ("strength: 0.5", "strength: 0.4", {"r2r"}),
        ("alpha: 0.05", "alpha: 0.06", {"proposed"}),
        ("objects: 4", "objects: 5", set()),
        ("sweeps: 10", "sweeps: 20", set()),
        ("title: Gaussian noise at 5 dB", "title: Gaussian noise", set()),
        ("title: N2N\n", "title: Noise2Noise\n", set()),
        ("knows: nothing", "knows: the noisy signal", set()),
        ("#0072B2", "#0072b3", set()),
        # Written in another way.
        ("snr_db: 5.0", "snr_db: 5", set()),
        ("strength: 0.5", "strength: 5.0e-1", set()),
        ("x-space: 228.0", "x-space: 228", set()),
        ("denoiser: wavelet", "denoiser: wavelet\n    options: {}", set()),
        ("slow_fraction: 0.45, outside: zero", "slow_fraction: 0.45", set()),
        ("core_diameter: 30.0e-9, temperature: 293.0", "core_diameter: 3.0e-8", set()),
        ("{drive_frequency: [25.0e+3, 0.5e+3]}", "{drive_frequency: [25000, 500], gradient: [0.4, 0.4]}", set()),
        (
            "methods: [noisy, n2n, r2r, proposed]",
            "test_noise: {literal: {snr_db: 5}}\n    methods: [noisy, n2n, r2r, proposed]",
            set(),
        ),
        # What decides everything.
        ("noise: {snr_db: 5.0}", "noise: {snr_db: 6.0}", METHODS),
        ("data_seed: 0", "data_seed: 1", METHODS),
        ("revision: 3", "revision: 4", METHODS),
        ("x-space: [32, 8, 8]", "x-space: [32, 8, 9]", METHODS),
        ("x-space: 228.0", "x-space: 229.0", METHODS),
        (
            "{drive_frequency: [25.0e+3, 0.5e+3]}",
            "{drive_frequency: [25.0e+3, 0.5e+3], gradient: [0.4, 0.41]}",
            METHODS,
        ),
        ("core_diameter: 30.0e-9", "core_diameter: 31.0e-9", METHODS),
        ("temperature: 293.0", "temperature: 310.0", METHODS),
        ("outside: zero", "outside: nearest", METHODS),
        ("slow_fraction: 0.45", "slow_fraction: 0.5", METHODS),
        ("dataset: x-space\n", "dataset: x-space\n    truth: {gradient_scale: 1.02}\n", METHODS),
        ("dataset: x-space\n", "dataset: x-space\n    test_phantoms: rings\n", METHODS),
        ("dataset: x-space\n", "dataset: x-space\n    test_noise: {other: {snr_db: 5.0}}\n", METHODS),
    ],
)
def test_a_key_changes_with_what_decides_the_outcome_alone(book, changed, old, new, moved):
    """Of the x-space runs with Gaussian noise: ``noisy`` does not depend on trainings, nor any of them on Kaczmarz."""
    other = experiments.read(changed(old, new))
    found = {
        method
        for method in METHODS
        if other.run("xspace-gaussian", method, "smoke").key != book.run("xspace-gaussian", method, "smoke").key
    }
    assert found == moved


def test_another_default_of_a_denoiser_is_another_run(book, monkeypatch):
    """A default that is changed in the library is not taken for the old one."""
    parameters = denoisers.parameters
    before = book.run("xspace-gaussian", "wavelet", "smoke")
    (name, *_) = before.options or {"none": None}
    monkeypatch.setattr(denoisers, "parameters", lambda denoiser: parameters(denoiser) | {name: 17})
    after = book.run("xspace-gaussian", "wavelet", "smoke")
    assert after.key != before.key and after.options[name] == 17


@pytest.mark.parametrize("old, new", [("objects: 4", "objects: 5"), ("sweeps: 10", "sweeps: 20")])
def test_system_matrix_runs_depend_on_kaczmarz(book, changed, old, new):
    names = ("system-matrix", "noisy", "smoke")
    assert experiments.read(changed(old, new)).run(*names).key != book.run(*names).key


def test_system_matrix_runs_do_not_depend_on_gridding(book, changed):
    names = ("system-matrix", "noisy", "smoke")
    assert experiments.read(changed("outside: zero", "outside: nearest")).run(*names).key == book.run(*names).key


# Tables


def test_a_protocol_enters_a_table_with_all_its_methods_or_not_at_all(book):
    """Table 1 has both; the loss terms and the locked interference have the tuned one, with what does not train."""
    trained = ("n2n", "r2r", "proposed")
    rows = book.rows("table1", "paper")
    assert [name.method for name in rows["paper"]] == ["noisy", *trained]
    assert rows["tuned"] == [RunName("xspace-gaussian", method, tuned=True) for method in trained]
    terms = [RunName("xspace-gaussian", method, tuned=True) for method in ("l1", "l1_gd", "l1_tv", "proposed")]
    assert book.rows("loss_terms", "paper") == {"tuned": terms}
    locked = [RunName("xspace-locked", method, tuned=method != "noisy") for method in ("noisy", "n2n", "proposed")]
    assert book.rows("locked", "paper") == {"tuned": locked}
    for table in book.tables:
        (only,) = book.rows(table, "smoke").values()
        assert only == [RunName(book.tables[table].experiment, method) for method in book.tables[table].methods]
    with pytest.raises(ValueError, match="table must be one of"):
        book.rows("table9", "paper")
    tuned, plain = (book.run("xspace-gaussian", "n2n", "paper", tuned=tuned) for tuned in (True, False))
    assert tuned.training == book.presets["paper"].tuned["xspace-gaussian"].training != plain.training
    assert str(rows["tuned"][0]) == "xspace-gaussian-n2n-tuned"


def table1(methods):
    return (
        "experiment: xspace-gaussian, methods: [noisy, n2n, r2r, proposed]}",
        f"experiment: xspace-gaussian, methods: {methods}}}",
    )


def test_a_network_behind_the_model_keeps_the_tuned_rows_of_others(changed):
    """It has one protocol, and stands in the first block; the others have their second one beneath."""
    known = experiments.read(changed(*table1("[noisy, proposed, forward_n2n]")))
    rows = known.rows("table1", "paper")
    assert rows["paper"] == [RunName("xspace-gaussian", method) for method in ("noisy", "proposed", "forward_n2n")]
    assert rows["tuned"] == [RunName("xspace-gaussian", "proposed", tuned=True)]


def test_a_table_of_tuned_methods_and_another_network_names_runs_that_exist(changed):
    known = experiments.read(changed(*table1("[l1, forward_n2n]")))
    rows = known.rows("table1", "paper")
    assert rows == {"tuned": [RunName("xspace-gaussian", "l1", tuned=True), RunName("xspace-gaussian", "forward_n2n")]}
    assert set(rows["tuned"]) <= known.runs("paper").keys()
    assert known.runs("paper")[rows["tuned"][1]].protocol == "forward model"


def test_a_table_without_a_common_protocol_is_refused(changed):
    """One method is trained under the first protocol alone, another under the second alone."""
    path = changed(
        "tuned: [n2n, r2r, proposed, l1, l1_gd, l1_tv, supervised]",
        "tuned: [n2n, proposed, l1, l1_gd, l1_tv, supervised]",
        *table1("[r2r, l1]"),
    )
    with pytest.raises(ValueError, match=f"{path}: table table1: preset paper trains r2r under another protocol"):
        experiments.read(path)
