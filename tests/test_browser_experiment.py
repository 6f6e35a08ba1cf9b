"""The experiment in the browser: what is exported for it, and that the page computes what mpicore computes."""

import base64
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from companion import analyses, browser_experiment, experiments, runs
from companion.analyses.browser import EXPERIMENTS, denoise_lines, on_lines
from companion.book import stage
from mpicore.denoisers.subspace import LinearNoise2Noise
from mpicore.metrics import rmse, snr_db
from mpicore.noise import add_gaussian, add_harmonics
from mpicore.phantoms import random_phantoms
from mpicore.receive_chain import ReceiveChain
from mpicore.reconstruction import XSpace
from mpicore.seeds import branch
from mpicore.symmetry import sine_lines

#: Of the RMS of what is compared.
TOLERANCE = 1e-3


# What is exported


def test_the_exported_half_of_the_gridding_is_the_reconstruction(scanner):
    xspace, rng = XSpace(scanner), np.random.default_rng(0)
    u = rng.standard_normal(scanner.num_samples)
    part = browser_experiment.gridding(xspace)
    pixels = np.repeat(np.arange(len(part["start"]) - 1), np.diff(part["start"].astype(int)))
    products = part["weight"] * (u[part["column"]] - u[-part["column"].astype(int)])
    image = np.bincount(pixels, products, len(part["start"]) - 1).reshape(scanner.shape)
    expected = xspace(u[None])[0]
    assert expected.std() > 0
    np.testing.assert_allclose(image, expected, atol=1e-5 * np.abs(expected).max())


def test_packed_arrays_lie_where_the_manifest_says():
    arrays = {"a": np.arange(3, dtype=np.uint8), "b": np.array([[1.5], [-2]], np.float32), "c": np.float16([0.1])}
    placed, content = browser_experiment.pack(arrays)
    assert len(content) == 3 + 8 + 2
    for name, array in arrays.items():
        entry = placed[name]
        found = np.frombuffer(content, entry["type"], array.size, entry["offset"]).reshape(entry["shape"])
        np.testing.assert_array_equal(found, array)
    with pytest.raises(ValueError, match="d must be of one of float16, float32, uint16, uint8; got float64"):
        browser_experiment.pack({"d": np.zeros(2)})


def test_linear_noise2noise_on_lines_finds_the_lines_of_the_signal_and_leaves_the_others_empty(short_pairs):
    """The signals have sine lines 1 to 5 alone."""
    pairs, held = short_pairs(300), short_pairs(40, seed=1)
    chosen, linear = on_lines(pairs.u1, pairs.u2, held, 5)
    np.testing.assert_array_equal(chosen, np.arange(5))
    denoised = denoise_lines(linear, chosen, held.u1)
    lines = sine_lines(denoised)
    assert np.abs(lines[:, 5:]).max() < 1e-5 * np.abs(lines).max()
    # What lies on other lines, or is even, does not matter.
    other = np.cos(2 * np.pi * np.arange(96) / 96) + np.sin(2 * np.pi * 9 * np.arange(96) / 96)
    np.testing.assert_allclose(denoise_lines(linear, chosen, (held.u1 + other).astype(np.float32)), denoised, atol=1e-4)
    half = {name: vectors.astype(np.float16) for name, vectors in linear.state().items()}
    rough = denoise_lines(LinearNoise2Noise(antisymmetric=False).restore(half), chosen, held.u1)
    assert np.sqrt(np.mean((rough - denoised) ** 2)) < TOLERANCE * np.sqrt(np.mean(denoised**2))


def test_on_all_lines_it_is_linear_noise2noise(short_pairs):
    """Up to the unit in which the signals are weighted, which is that of the odd part here."""
    pairs, held = short_pairs(300), short_pairs(40, seed=1)
    chosen, linear = on_lines(pairs.u1, pairs.u2, held, 1000)
    assert len(chosen) == 47
    whole = LinearNoise2Noise().fit(pairs.u1, pairs.u2, validation=held).denoise(held.u1)
    error = denoise_lines(linear, chosen, held.u1) - whole
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.sqrt(np.mean(whole**2))


def test_every_method_and_every_experiment_of_the_page_is_in_the_book(book):
    for preset in book.presets:
        needed = browser_experiment.needs(book, preset)
        assert len(needed) == len(EXPERIMENTS) * len(browser_experiment.METHODS)
        assert set(needed) <= set(book.names(preset))
    assert set(browser_experiment.TONES) <= set(book.experiments)


def test_the_exported_scripts_are_staged_and_a_missing_one_is_named(tmp_path, book):
    source, scripts = tmp_path / "book", browser_experiment.scripts(tmp_path / "made/data.js")
    assert [script.name for script in scripts] == ["data.js", "xspace-gaussian.js", "xspace-slow.js"]
    source.mkdir()
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (source / "index.md").write_text("# Title\n")
    scripts[0].parent.mkdir()
    for missing in scripts:
        with pytest.raises(ValueError, match=f"{missing.name} is missing: the experiment in the browser computes with"):
            stage(source, tmp_path / "staged", [], [], book, "smoke", experiment=scripts)
        assert not (tmp_path / "staged").exists()
        missing.write_text(f"window.mpiExperiment = {{}}; // {missing.name}\n")
    stage(source, tmp_path / "staged", [], [], book, "smoke", experiment=scripts)
    for script in scripts:
        assert (tmp_path / "staged/extra/experiment" / script.name).read_text() == script.read_text()


# In a browser


@pytest.fixture(scope="module")
def known(smoke):
    return experiments.read(smoke / "experiments.yml")


@pytest.fixture(scope="module")
def manifest(smoke):
    """That of the page, whose scripts hold the bytes of which it has the digests."""
    first, *others = browser_experiment.scripts(smoke / "build/smoke/_build/html/experiment/data.js")
    found = json.loads(first.read_text().split(".manifest = ")[1].rstrip(";\n"))
    for script, packed in zip([first, *others], [found, *found["fits"]], strict=True):
        content = base64.b64decode(script.read_text().split('] = "')[1].partition('"')[0])
        assert hashlib.sha256(content).hexdigest() == packed["packed"]["digest"]
    return found


@pytest.fixture(scope="module")
def address(server):
    return f"{server}/experiment.html"


@pytest.fixture
def visit(browser):
    """Open an address at a width; returns the page, and what went wrong on it or was asked for."""
    opened = []

    def go(address, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        errors, asked = [], []
        # Where a page names no icon, the browser asks for one of its own accord.
        page.on(
            "console",
            lambda message: (
                errors.append(message.text)
                if message.type == "error" and not message.location["url"].endswith("favicon.ico")
                else None
            ),
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address, wait_until="load")
        return page, errors, asked

    yield go
    for context in opened:
        context.close()


def started(page):
    page.get_by_role("button", name="Start the experiment").click()
    page.wait_for_selector(".experiment-table tbody tr")
    return page


def mixed(state):
    """Mulberry32 on an array of counters, in numpy."""
    t = np.asarray(state, np.uint32)
    t = (t ^ (t >> np.uint32(15))) * (t | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    return t ^ (t >> np.uint32(14))


def uniform(seed, count):
    states = (seed + 0x6D2B79F5 * np.arange(1, count + 1)) % 2**32
    return (mixed(states) + 0.5) / 2**32


class Drawn:
    """Stands for a generator whose numbers are those of the page."""

    def __init__(self, seed):
        self.seed = seed

    def standard_normal(self, shape, dtype):
        count = int(np.prod(shape))
        u = uniform(self.seed, count + count % 2).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
        return pairs.ravel()[:count].reshape(shape)

    def uniform(self, low, high, shape):
        return (low + (high - low) * uniform(self.seed, int(np.prod(shape)))).reshape(shape)


RUN = """settings => {
    const { experiment } = window.mpiExperiment, found = experiment.run(settings);
    const plain = values => Array.from(values);
    return {
        clean: plain(found.clean), noisy: plain(found.noisy),
        methods: found.methods.map(method => ({
            ...method, signal: plain(method.signal), image: plain(experiment.image(method.signal)),
        })),
    };
}"""


def close(found, expected):
    """How far it is off, in units of the RMS of what is expected."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return np.sqrt(np.mean((found - expected) ** 2)) / np.sqrt(np.mean(expected**2))


def deviations(page, known, preset, root, fitted, fit, settings):
    """Of the signal, the period, and signal, image, SNR and RMSE of each method, all relative, by name."""
    manifest = page.evaluate("window.mpiExperiment.experiment.manifest")
    experiment = EXPERIMENTS[fit]
    config = known.named(known.shown(experiment, "proposed", preset), preset)
    scanner, response = config.scanner, config.truth.response(config.scanner, config.particle)
    phantom = random_phantoms(1, scanner.shape, branch(config.data_seed, "x-space", "test"))
    delay = replace(config.truth, chain=ReceiveChain(delay=settings["delay"]))
    clean = delay.signals(phantom, response, scanner).astype(np.float64)
    noisy = add_gaussian(clean, settings["snr_db"], Drawn(settings["seed"]))
    entry = manifest["interferences"][settings["interference"]]
    if entry["frequencies"]:
        phases = Drawn(settings["seed"] + 1)
        fields = (entry["frequencies"], scanner.sampling_frequency, phases)
        noisy += add_harmonics(clean, settings["sir_db"], *fields) - clean
    shown = page.evaluate(RUN, {"object": 0, "fit": fit, **settings})
    found = {"clean": close(shown["clean"], clean[0]), "period": close(shown["noisy"], noisy[0])}
    _, linear = analyses.read(fitted)
    images = XSpace(scanner, config.gridding)
    scale = manifest["scale"]
    for method in shown["methods"]:
        name = method["name"]
        if name == "linear_n2n":
            parts = {part: linear[f"{experiment}-{part}"] for part in ("analysis", "synthesis")}
            denoiser = LinearNoise2Noise(antisymmetric=False).restore(parts)
            expected = denoise_lines(denoiser, linear[f"{experiment}-lines"], noisy)
        else:
            expected = runs.load(known.named(known.shown(experiment, name, preset), preset), root).denoiser.denoise(
                noisy
            )
        found[name] = close(method["signal"], expected[0])
        found[f"{name} image"] = close(method["image"], images(expected.astype(np.float64)).ravel())
        found[f"{name} SNR"] = abs(method["snr_db"] - snr_db(clean, expected)[0]) / abs(snr_db(clean, expected)[0])
        found[f"{name} RMSE"] = abs(method["rmse"] / scale / rmse(clean, expected)[0] - 1)
    return found


SETTINGS = [
    {"snr_db": 5.0, "interference": 0, "sir_db": 0.0, "delay": 0.0, "seed": 1},
    {"snr_db": 12.5, "interference": 1, "sir_db": 4.0, "delay": 1.3e-6, "seed": 7},
    {"snr_db": 20.0, "interference": 2, "sir_db": -3.0, "delay": 0.0, "seed": 4000000000},
]


@pytest.mark.book
@pytest.mark.browser
def test_the_page_computes_what_mpicore_computes(visit, address, smoke, known):
    """Signal, noise, every method of both fits, images, SNR and RMSE; and nothing is asked for until it is started."""
    page, errors, asked = visit(address)
    assert not any(url.endswith(("data.js", "compute.js")) for url in asked)
    started(page)
    first, second = (f"{experiment}.js" for experiment in EXPERIMENTS)
    assert [url.endswith(first) for url in asked].count(True) == 1 and not any(url.endswith(second) for url in asked)
    page.get_by_label("Methods fitted to the noise of").select_option(index=1)
    page.get_by_role("status").filter(has_text="the noisy period has").wait_for()
    assert [url.endswith(second) for url in asked].count(True) == 1
    out = smoke / "build/smoke"
    for fit in range(len(EXPERIMENTS)):
        for settings in SETTINGS:
            root, fitted = [out / "runs"], out / "results/analyses/browser.csv"
            found = deviations(page, known, "smoke", root, fitted, fit, settings)
            assert len(found) == 2 + 4 * len(browser_experiment.METHODS)
            assert max(found.values()) < TOLERANCE, (fit, settings, found)
    assert not errors
    assert all(url.startswith(("http://127.0.0.1:", "data:image/png")) for url in asked), asked


@pytest.mark.book
@pytest.mark.browser
def test_it_works_as_a_file_and_weighs_less_than_4_mb(visit, smoke):
    """Without what is loaded when it is chosen, which weighs less as well."""
    html = smoke / "build/smoke/_build/html"
    page, errors, _ = visit((html / "experiment.html").as_uri())
    started(page)
    assert page.locator(".experiment-table tbody tr").count() == len(browser_experiment.METHODS)
    assert not errors
    sizes = {path.name: path.stat().st_size for path in (html / "experiment").iterdir()}
    chosen = [script.name for script in browser_experiment.scripts("data.js")[2:]]
    later = [sizes.pop(name) for name in chosen]
    assert sum(sizes.values()) < 4e6 > max(later)


@pytest.mark.book
@pytest.mark.browser
def test_it_is_used_with_the_keyboard_alone_at_the_width_of_a_phone(visit, address, manifest):
    page, errors, _ = visit(address, 390, reduced_motion="reduce")
    page.get_by_role("button", name="Start the experiment").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".experiment-table tbody tr")
    state = "window.mpiExperiment.experiment && document.activeElement.id"

    def reach(name):
        for _ in range(30):
            if page.evaluate(state) == name:
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached with the tab key")

    def numbers():
        return page.locator(".experiment-table tbody td.experiment-number").all_inner_texts()

    before = numbers()
    reach("experiment-snr")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("text => document.querySelector('#experiment-snr + output').value === text", arg="7.0 dB")
    louder = numbers()
    assert louder != before
    assert page.get_by_label("Signal over interference").is_disabled()
    reach("experiment-tones")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#experiment-sir:not([disabled])")
    assert numbers() != louder
    reach("experiment-delay")
    page.keyboard.press("End")
    page.get_by_text("takes the odd symmetry away").wait_for()
    reach(f"experiment-method-{len(browser_experiment.METHODS) - 1}")
    page.keyboard.press("ArrowUp")
    chosen = page.locator(".experiment-key").inner_text()
    assert manifest["fits"][0]["methods"][-2]["title"] in chosen
    page.get_by_role("status").filter(has_text="the noisy period has").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    # Every control has a name, and every drawing says what it is.
    for control in page.locator("#experiment :is(select, input)").all():
        assert page.evaluate("control => control.labels.length", control.element_handle()) == 1
    for drawing in page.locator("#experiment svg[role=img]").all():
        assert len(drawing.get_attribute("aria-label")) > 20
    assert not errors
