/* The page of the experiment in the browser: its controls, and what is drawn. The numbers come from compute.js. */
"use strict";

(function () {
  const place = document.getElementById("experiment");
  const button = place.querySelector("button");
  const folder = new URL(".", document.currentScript.src);
  const VIRIDIS = [
    [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
    [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
  ];
  const CYCLES = 4; // of the x drive, in the drawing of the signal
  const HARMONICS = 12; // of the x drive, in the drawing of the spectrum
  const FLOOR = -60; // of the spectrum [dB]

  button.hidden = false;
  button.addEventListener("click", start, { once: true });

  /* ---- loading ---- */

  const loaded = {};

  function load(name) {
    return (loaded[name] ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(name, folder);
      script.onload = resolve;
      script.onerror = () => {
        delete loaded[name]; // so that it can be tried again
        reject(new Error(`${name} could not be loaded`));
      };
      document.head.append(script);
    }));
  }

  /* What the methods have learned from one kind of noise is a script of its own. */
  async function learn(experiment, number) {
    const fit = experiment.manifest.fits[number], { data } = window.mpiExperiment;
    if (experiment.learned.has(fit.name)) return;
    await load(fit.script);
    if (experiment.learned.has(fit.name)) return; // by another change, which waited for the same script
    experiment.add(fit, data[fit.name]);
    delete data[fit.name]; // the text is not needed twice
  }

  async function start() {
    button.disabled = true;
    button.textContent = "Loading …";
    try {
      await Promise.all([load("compute.js"), load("data.js")]);
      const { Experiment, manifest, data } = window.mpiExperiment;
      const experiment = new Experiment(manifest, data.common);
      delete data.common;
      await learn(experiment, 0);
      window.mpiExperiment.experiment = experiment;
      show(experiment);
    } catch (error) {
      place.replaceChildren(element("p", { role: "alert" }, `The experiment did not start: ${error.message}.`));
    }
  }

  /* ---- pieces of the page ---- */

  function element(tag, attributes = {}, ...children) {
    const found = document.createElement(tag);
    return dressed(found, attributes, children);
  }

  function drawn(tag, attributes = {}, ...children) {
    return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  }

  function dressed(found, attributes, children) {
    for (const [name, value] of Object.entries(attributes))
      if (value !== false && value !== undefined && value !== null) found.setAttribute(name, value === true ? "" : value);
    found.append(...children);
    return found;
  }

  function labelled(id, text, control, ...more) {
    control.id = id;
    return element("div", { class: "experiment-control" }, element("label", { for: id }, text), control, ...more);
  }

  function choice(id, text, options) {
    const entries = options.map((option, i) => element("option", { value: i }, option));
    return labelled(id, text, element("select", {}, ...entries));
  }

  function slider(id, text, min, max, step) {
    const output = element("output", { for: id });
    const control = element("input", { type: "range", min, max, step });
    const box = labelled(id, text, control, output);
    return box;
  }

  const fixed = (value, digits) => value.toFixed(digits).replace("-", "\u2212");
  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  /* ---- the whole ---- */

  function show(experiment) {
    const { manifest } = experiment;
    const defaults = { object: 0, seed: 1, delay: 0 };
    const state = { shown: manifest.fits[0].methods.length - 1 };

    const objects = choice("experiment-object", "Object", manifest.objects.map((object) => capital(object.title)));
    const snr = slider("experiment-snr", "SNR of the white noise", -5, 30, 0.5);
    const tones = choice("experiment-tones", "Interference", manifest.interferences.map((entry) => capital(entry.title)));
    const sir = slider("experiment-sir", "Signal over interference", -10, 20, 0.5);
    const delay = slider("experiment-delay", "Delay of the receive chain", 0, 5, 0.1);
    const fitted = choice("experiment-fit", "Methods fitted to the noise of", manifest.fits.map((fit) => fit.title));
    const again = element("button", { type: "button", class: "experiment-button" }, "New noise");
    const presets = manifest.fits.map((fit) =>
      element("button", { type: "button", class: "experiment-button" }, `As in ${fit.title}`)
    );
    const input = (box) => box.querySelector("input, select");
    const body = element("tbody");
    const status = element("p", { role: "status", class: "experiment-status" });
    const note = element("p", { class: "experiment-note" });
    const signal = drawn("svg", { role: "img", class: "experiment-plot" });
    const lines = drawn("svg", { role: "img", class: "experiment-plot" });
    const images = element("div", { class: "experiment-images" });
    const key = element("p", { class: "experiment-key" });

    function set(values) {
      Object.assign(state, values);
      input(objects).value = state.object;
      input(snr).value = state.snr_db;
      input(tones).value = state.interference;
      input(sir).value = state.sir_db;
      input(delay).value = 1e6 * state.delay;
      input(fitted).value = state.fit;
    }

    function read() {
      state.object = Number(input(objects).value);
      state.snr_db = Number(input(snr).value);
      state.interference = Number(input(tones).value);
      state.sir_db = Number(input(sir).value);
      state.delay = 1e-6 * Number(input(delay).value);
      state.fit = Number(input(fitted).value);
    }

    function asIn(number) {
      const { snr_db, interference, sir_db } = manifest.fits[number];
      return { snr_db, interference, sir_db: interference ? sir_db : 5, delay: 0, fit: number };
    }

    /* ---- from a change to what is shown ---- */

    let waiting = false, told = 0, result = null;

    function change() {
      read();
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        update();
      });
    }

    async function update() {
      const wanted = state.fit;
      if (!experiment.learned.has(manifest.fits[wanted].name)) {
        clearTimeout(told);
        status.textContent = "Loading …";
        try {
          await learn(experiment, wanted);
        } catch (error) {
          status.textContent = `The methods fitted to the noise of ${manifest.fits[wanted].title} are not there: ${error.message}.`;
          return;
        }
        if (state.fit !== wanted) return; // changed in the meantime, and that change updates
      }
      const began = performance.now();
      result = experiment.run(state);
      write(snr, `${fixed(state.snr_db, 1)} dB`);
      write(sir, state.interference ? `${fixed(state.sir_db, 1)} dB` : "off");
      write(delay, `${fixed(1e6 * state.delay, 1)} µs`);
      input(sir).disabled = !state.interference;
      explain();
      rows();
      draw();
      const took = performance.now() - began;
      window.mpiExperiment.milliseconds = took;
      clearTimeout(told);
      told = setTimeout(() => tell(took), 300);
    }

    function write(box, text) {
      box.querySelector("output").textContent = text;
      input(box).setAttribute("aria-valuetext", text);
    }

    /* What a delay does, and the form in which linear Noise2Noise is here. */
    function explain() {
      const { linear, methods, title } = manifest.fits[state.fit];
      const odd = methods.filter((method) => method.symmetry && method.kind !== "network").map((method) => method.title);
      note.textContent = state.delay
        ? "A delay takes the odd symmetry away: the signal is no longer odd about the first sample. What keeps the odd " +
          `part of a period alone loses signal with the rest: ${odd.join("; ")}.`
        : `Linear N2N is fitted here on ${linear.lines} spectral lines alone: ${fixed(linear.snr_db, 1)} dB on the test signals ` +
          `of ${title}, and ${fixed(linear.run_snr_db, 1)} dB on all lines.`;
    }

    function tell(took) {
      const best = result.methods.reduce((a, b) => (b.snr_db > a.snr_db ? b : a));
      const { methods } = result;
      status.textContent =
        `${capital(manifest.objects[state.object].title)}: the noisy period has ${fixed(methods[0].snr_db, 1)} dB, ` +
        `the highest SNR is ${fixed(best.snr_db, 1)} dB (${best.title}). Computed in ${Math.round(took)} ms.`;
    }

    function rows() {
      const highest = Math.max(...result.methods.map((method) => method.snr_db), 1);
      if (body.children.length !== result.methods.length)
        body.replaceChildren(
          ...result.methods.map((method, i) => {
            const radio = element("input", { type: "radio", name: "experiment-method", value: i, id: `experiment-method-${i}` });
            radio.addEventListener("change", () => {
              state.shown = i;
              draw();
              mark();
            });
            const bar = element("span", { class: "experiment-bar", "aria-hidden": "true" });
            return element("tr", {},
              element("th", { scope: "row" },
                element("div", {}, radio, element("label", { for: radio.id }, method.title))),
              element("td", { class: "experiment-number" }), element("td", { class: "experiment-bars" }, bar),
              element("td", { class: "experiment-number" })
            );
          })
        );
      result.methods.forEach((method, i) => {
        const [, decibels, bar, error] = body.children[i].children;
        decibels.textContent = fixed(method.snr_db, 1);
        error.textContent = fixed(method.rmse, 1);
        bar.firstChild.style.width = `${Math.max(0, (100 * method.snr_db) / highest)}%`;
        bar.firstChild.style.background = colour(method);
      });
      mark();
    }

    function mark() {
      [...body.children].forEach((row, i) => {
        row.classList.toggle("experiment-chosen", i === state.shown);
        row.querySelector("input").checked = i === state.shown;
      });
    }

    const colour = (method) => method.colour || "var(--pst-color-primary)";

    /* ---- drawings ---- */

    function draw() {
      const { clean, noisy, methods } = result, method = methods[state.shown], n = clean.length;
      const rms = Math.sqrt(clean.reduce((sum, value) => sum + value * value, 0) / n);
      const milliseconds = 1e3 / manifest.samplingFrequency;
      const cycle = Math.round(manifest.samplingFrequency / manifest.driveFrequency[0]);
      const from = strongest(experiment.object(state.object), CYCLES * cycle), to = from + CYCLES * cycle;
      const part = (u) => Array.from({ length: to - from + 1 }, (_, i) => [(from + i) * milliseconds, u[(from + i) % n] / rms]);
      const traces = (of) => {
        const found = [{ points: of(noisy), name: "noisy" }, { points: of(clean), name: "clean" }];
        if (state.shown > 0) found.splice(1, 0, { points: of(method.signal), name: "method", colour: colour(method) });
        return found;
      };
      const inside = traces(part), reach = Math.max(...inside.flatMap((trace) => trace.points.map((point) => Math.abs(point[1]))));
      plot(signal, inside, {
        x: [from * milliseconds, to * milliseconds], y: [-1.05 * reach, 1.05 * reach],
        xLabel: "time [ms]", yLabel: "signal / RMS",
        told: `Signal over ${CYCLES} cycles of the x drive: noisy, clean and ${method.title}.`,
      });
      const kilohertz = manifest.samplingFrequency / n / 1e3;
      const last = Math.round((HARMONICS * manifest.driveFrequency[0] * n) / manifest.samplingFrequency);
      const power = (u) => {
        const [re, im] = window.mpiExperiment.spectrum(u);
        return Array.from({ length: last }, (_, i) => {
          const amplitude = (Math.SQRT2 * Math.hypot(re[i + 1], im[i + 1])) / n / rms;
          return [(i + 1) * kilohertz, Math.max(FLOOR - 5, 20 * Math.log10(amplitude + 1e-9))];
        });
      };
      plot(lines, traces(power), {
        x: [0, last * kilohertz], y: [FLOOR, 5], xLabel: "frequency [kHz]", yLabel: "amplitude / RMS [dB]",
        told: `Spectrum up to the harmonic ${HARMONICS} of the x drive: noisy, clean and ${method.title}.`,
      });
      const pictures = { Object: experiment.phantom(state.object), Noisy: experiment.image(noisy) };
      if (state.shown > 0) pictures[method.title] = experiment.image(method.signal);
      pictures.Clean = experiment.image(clean);
      const top = Math.max(...pictures.Clean) || 1;
      images.replaceChildren(
        ...Object.entries(pictures).map(([title, values]) => picture(title, values, title === "Object" ? 1 : top))
      );
      const entry = (name, text, shade) =>
        element("span", {}, element("span", { class: `experiment-swatch experiment-${name}`, style: shade && `background: ${shade}` }), text);
      key.replaceChildren(entry("noisy", "noisy"), ...(state.shown > 0 ? [entry("method", method.title, colour(method))] : []), entry("clean", "clean"));
    }

    /* The first sample of the part of this length with the most power, in whole cycles. */
    function strongest(u, length) {
      const cycle = length / CYCLES;
      let best = 0, most = -1;
      for (let start = 0; start + length <= u.length / 2; start += cycle) {
        let power = 0;
        for (let k = start; k < start + length; k++) power += u[k] * u[k];
        if (power > most) [best, most] = [start, power];
      }
      return best;
    }

    function picture(title, values, top) {
      const [ny, nx] = manifest.shape, canvas = element("canvas", { width: nx, height: ny });
      const context = canvas.getContext("2d"), pixels = context.createImageData(nx, ny);
      for (let row = 0; row < ny; row++)
        for (let column = 0; column < nx; column++) {
          const place = Math.min(1, Math.max(0, values[row * nx + column] / top)) * (VIRIDIS.length - 1);
          const low = Math.min(Math.floor(place), VIRIDIS.length - 2), at = 4 * ((ny - 1 - row) * nx + column);
          for (let i = 0; i < 3; i++)
            pixels.data[at + i] = VIRIDIS[low][i] + (place - low) * (VIRIDIS[low + 1][i] - VIRIDIS[low][i]);
          pixels.data[at + 3] = 255;
        }
      context.putImageData(pixels, 0, 0);
      const [width, height] = manifest.fov.map((side) => Math.round(1e3 * side) / 2);
      const svg = drawn("svg", { viewBox: "0 0 160 150", role: "img", "aria-label": `${title}: image of the field of view` },
        drawn("image", { href: canvas.toDataURL(), x: 36, y: 2, width: 118, height: 118, preserveAspectRatio: "none" }),
        drawn("text", { x: 95, y: 146, "text-anchor": "middle" }, "x [mm]"),
        drawn("text", { x: 10, y: 61, "text-anchor": "middle", transform: "rotate(-90 10 61)" }, "y [mm]")
      );
      for (const i of [0, 1, 2]) {
        const anchor = ["start", "middle", "end"][i];
        svg.append(
          drawn("text", { x: 36 + 59 * i, y: 133, "text-anchor": anchor }, fixed(width * (i - 1), 0)),
          drawn("text", { x: 33, y: 120 - 59 * i - [0, -4, -9][i], "text-anchor": "end" }, fixed(height * (i - 1), 0))
        );
      }
      return element("div", {}, element("p", {}, title), svg);
    }

    function plot(svg, traces, { x, y, xLabel, yLabel, told }) {
      const width = Math.max(240, svg.parentNode.clientWidth), height = Math.round(Math.min(280, Math.max(200, 0.45 * width)));
      const left = 52, right = 16, top = 8, bottom = 38;
      const toX = (value) => left + ((value - x[0]) / (x[1] - x[0])) * (width - left - right);
      const toY = (value) => top + ((y[1] - value) / (y[1] - y[0])) * (height - top - bottom);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.setAttribute("aria-label", told);
      const frame = drawn("g", { class: "experiment-frame" });
      for (const value of ticks(x, width / 90)) {
        frame.append(drawn("line", { x1: toX(value), x2: toX(value), y1: top, y2: height - bottom }));
        frame.append(drawn("text", { x: toX(value), y: height - bottom + 15, "text-anchor": "middle" }, number(value)));
      }
      for (const value of ticks(y, 6)) {
        frame.append(drawn("line", { x1: left, x2: width - right, y1: toY(value), y2: toY(value) }));
        frame.append(drawn("text", { x: left - 6, y: toY(value) + 4, "text-anchor": "end" }, number(value)));
      }
      const middle = (top + height - bottom) / 2;
      frame.append(
        drawn("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
        drawn("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, yLabel)
      );
      const clip = drawn("clipPath", { id: `${svg.dataset.name}-clip` },
        drawn("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom }));
      const paths = traces.map((trace) =>
        drawn("path", {
          class: `experiment-trace experiment-${trace.name}`, style: trace.colour && `stroke: ${trace.colour}`,
          d: trace.points.map((point, i) => `${i ? "L" : "M"}${toX(point[0]).toFixed(1)} ${toY(point[1]).toFixed(1)}`).join(""),
        })
      );
      svg.replaceChildren(clip, frame, drawn("g", { "clip-path": `url(#${svg.dataset.name}-clip)` }, ...paths));
    }

    function ticks([low, high], count) {
      const rough = (high - low) / count, unit = 10 ** Math.floor(Math.log10(rough));
      const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough);
      const found = [];
      for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) found.push(i * step);
      return found;
    }

    const number = (value) => String(Number(value.toPrecision(6))).replace("-", "\u2212");

    /* ---- put together ---- */

    signal.dataset.name = "experiment-signal";
    lines.dataset.name = "experiment-lines";
    const controls = element("form", { class: "experiment-controls", "aria-label": "Settings of the experiment" },
      element("div", { class: "experiment-buttons" }, ...presets), objects, snr, tones, sir, delay, fitted,
      element("div", { class: "experiment-buttons" }, again));
    const heading = (text) => element("th", { scope: "col" }, text);
    const table = element("table", { class: "experiment-table" },
      element("caption", {}, "What each method makes of this period. The one that is marked is drawn below."),
      element("thead", {}, element("tr", {}, heading("Method"), heading("SNR [dB]"),
        element("td", { class: "experiment-bars" }), heading("RMSE"))), body);
    place.replaceChildren(
      element("div", { class: "experiment-top" }, controls, element("div", {}, table, status, note)),
      key, element("div", { class: "experiment-plots" }, signal, lines), images
    );
    controls.addEventListener("input", change);
    controls.addEventListener("submit", (event) => event.preventDefault());
    presets.forEach((preset, i) => preset.addEventListener("click", () => {
      set(asIn(i));
      update();
    }));
    again.addEventListener("click", () => {
      state.seed += 2; // two streams for each period: white noise and phases
      update();
    });
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth === width) return;
      width = place.clientWidth;
      draw();
    }).observe(place);
    set({ ...defaults, ...asIn(0) });
    update();
    controls.querySelector("button").focus({ preventScroll: true });
  }
})();
