/* The numbers of the experiment in the browser: what mpicore computes, in plain JavaScript.

   Nothing here knows the page. A signal is a Float64Array of N samples of one period; the tests compare each function
   with the one of mpicore that its comment names. */
"use strict";

(function () {
  /* ---- what the build has exported ---- */

  /* Arrays by name, from where they lie and the bytes that follow one another in a Base64 text. */
  function unpack(packed, text) {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    const arrays = {};
    for (const [name, entry] of Object.entries(packed.arrays)) {
      const length = entry.shape.reduce((a, b) => a * b, 1);
      const kind = { float32: Float32Array, float16: Uint16Array, uint16: Uint16Array, uint8: Uint8Array }[entry.type];
      const part = bytes.slice(entry.offset, entry.offset + length * kind.BYTES_PER_ELEMENT);
      const values = new kind(part.buffer, 0, length);
      arrays[name] = { shape: entry.shape, values: entry.type === "float16" ? fromHalf(values) : values };
    }
    return arrays;
  }

  /* Numbers in half precision (IEEE 754 binary16) as Float32Array. */
  function fromHalf(bits) {
    const found = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) {
      const exponent = (bits[i] >> 10) & 31, fraction = bits[i] & 1023, sign = bits[i] >> 15 ? -1 : 1;
      if (exponent === 31) found[i] = fraction ? NaN : sign * Infinity;
      else if (exponent === 0) found[i] = sign * 2 ** -24 * fraction;
      else found[i] = sign * 2 ** (exponent - 25) * (1024 + fraction);
    }
    return found;
  }

  /* ---- spectra of one period, of any length ---- */

  const plans = new Map();

  function plan(n) {
    if (!plans.has(n)) {
      const factors = [];
      for (let rest = n, p = 2; rest > 1; p++) for (; rest % p === 0; rest /= p) factors.push(p);
      const cos = new Float64Array(n), sin = new Float64Array(n);
      for (let k = 0; k < n; k++) {
        cos[k] = Math.cos((2 * Math.PI * k) / n);
        sin[k] = -Math.sin((2 * Math.PI * k) / n);
      }
      plans.set(n, { factors, cos, sin });
    }
    return plans.get(n);
  }

  /* Discrete Fourier transform of complex values, by mixed radix (Cooley and Tukey 1965). */
  function transform(re, im) {
    const n = re.length, { factors, cos, sin } = plan(n);
    const outRe = new Float64Array(n), outIm = new Float64Array(n);
    const most = Math.max(1, ...factors), heldRe = new Float64Array(most), heldIm = new Float64Array(most);
    function step(from, stride, to, size, level) {
      if (size === 1) {
        outRe[to] = re[from];
        outIm[to] = im[from];
        return;
      }
      const p = factors[level], part = size / p, turn = n / size;
      for (let q = 0; q < p; q++) step(from + q * stride, stride * p, to + q * part, part, level + 1);
      for (let k = 0; k < part; k++) {
        for (let q = 0; q < p; q++) {
          const at = to + q * part + k, w = (q * k * turn) % n;
          heldRe[q] = outRe[at] * cos[w] - outIm[at] * sin[w];
          heldIm[q] = outRe[at] * sin[w] + outIm[at] * cos[w];
        }
        for (let r = 0; r < p; r++) {
          let sumRe = heldRe[0], sumIm = heldIm[0];
          for (let q = 1; q < p; q++) {
            const w = (q * r * part * turn) % n;
            sumRe += heldRe[q] * cos[w] - heldIm[q] * sin[w];
            sumIm += heldRe[q] * sin[w] + heldIm[q] * cos[w];
          }
          outRe[to + r * part + k] = sumRe;
          outIm[to + r * part + k] = sumIm;
        }
      }
    }
    step(0, 1, 0, n, 0);
    return [outRe, outIm];
  }

  /* numpy.fft.rfft: lines 0 to N/2 of a signal, as real and imaginary parts. */
  function spectrum(u) {
    const [re, im] = transform(Float64Array.from(u), new Float64Array(u.length));
    const lines = (u.length >> 1) + 1;
    return [re.slice(0, lines), im.slice(0, lines)];
  }

  /* numpy.fft.irfft: the signal of N samples with these lines. */
  function fromSpectrum(re, im, n) {
    const allRe = new Float64Array(n), allIm = new Float64Array(n);
    for (let k = 0; k < re.length; k++) {
      const inner = k > 0 && 2 * k < n;
      // The transform of the conjugate is the conjugate of the inverse, but for the factor N.
      allRe[k] = re[k];
      allIm[k] = inner ? -im[k] : 0;
      if (inner) {
        allRe[n - k] = re[k];
        allIm[n - k] = im[k];
      }
    }
    return transform(allRe, allIm)[0].map((value) => value / n);
  }

  /* ---- the measurement ---- */

  /* Whole numbers of 32 bits, as many as are asked for: the finaliser of Mulberry32 (Ettinger 2017) on a counter. */
  function* draws(seed) {
    for (let state = seed >>> 0; ; ) {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      yield (t ^ (t >>> 14)) >>> 0;
    }
  }

  /* Uniform numbers in (0, 1). */
  function uniform(seed, count) {
    const source = draws(seed);
    return Float64Array.from({ length: count }, () => (source.next().value + 0.5) / 2 ** 32);
  }

  /* Standard normal numbers, two from each two uniform ones (Box and Muller 1958). */
  function normal(seed, count) {
    const pairs = Math.ceil(count / 2), u = uniform(seed, 2 * pairs), found = new Float64Array(2 * pairs);
    for (let i = 0; i < pairs; i++) {
      const radius = Math.sqrt(-2 * Math.log(u[2 * i])), angle = 2 * Math.PI * u[2 * i + 1];
      found[2 * i] = radius * Math.cos(angle);
      found[2 * i + 1] = radius * Math.sin(angle);
    }
    return found.subarray(0, count);
  }

  const meanPower = (u) => u.reduce((sum, value) => sum + value * value, 0) / u.length;

  /* The odd signal whose samples 1 to (N - 1) / 2 are given: u[N - k] = -u[k]. */
  function odd(half, n) {
    const u = new Float64Array(n);
    for (let k = 1; k <= half.length; k++) {
      u[k] = half[k - 1];
      u[n - k] = -half[k - 1];
    }
    return u;
  }

  /* mpicore.receive_chain.ReceiveChain(delay).apply: every line at f is turned by -2 pi f times the delay [s]. */
  function delayed(u, delay, samplingFrequency) {
    if (!delay) return u;
    const n = u.length, [re, im] = spectrum(u);
    for (let k = 0; k < re.length; k++) {
      const angle = (-2 * Math.PI * k * samplingFrequency * delay) / n, c = Math.cos(angle), s = Math.sin(angle);
      const real = re[k] * c - im[k] * s;
      // The line at half the sampling frequency holds no phase.
      im[k] = 2 * k === n ? 0 : re[k] * s + im[k] * c;
      re[k] = real;
    }
    return fromSpectrum(re, im, n);
  }

  /* mpicore.noise: white noise at an SNR, and sinusoids of equal power at a ratio of their own; both refer to u. */
  function noisy(u, settings, samplingFrequency) {
    const n = u.length, power = meanPower(u), found = Float64Array.from(u);
    const white = normal(settings.seed, n), deviation = Math.sqrt(power * 10 ** (-settings.snr_db / 10));
    for (let k = 0; k < n; k++) found[k] += deviation * white[k];
    const tones = settings.frequencies;
    const phases = uniform(settings.seed + 1, tones.length).map((value) => 2 * Math.PI * value);
    const amplitude = Math.sqrt((2 * power * 10 ** (-settings.sir_db / 10)) / tones.length);
    tones.forEach((frequency, i) => {
      const turn = (2 * Math.PI * frequency) / samplingFrequency;
      for (let k = 0; k < n; k++) found[k] += amplitude * Math.sin(turn * k + phases[i]);
    });
    return found;
  }

  /* ---- the methods ---- */

  /* mpicore.symmetry.odd_part */
  function oddPart(u) {
    const n = u.length;
    return u.map((value, k) => (value - u[(n - k) % n]) / 2);
  }

  /* mpicore.denoisers.spectral_wiener.SpectralWiener.denoise */
  function wiener(u, gains) {
    const [re, im] = spectrum(u);
    return fromSpectrum(re.map((value, k) => gains[k] * value), im.map((value, k) => gains[k] * value), u.length);
  }

  /* mpicore.denoisers.subspace.LinearNoise2Noise.denoise on some of the sine lines of mpicore.symmetry.sine_lines. */
  function linear(u, lines, analysis, synthesis) {
    const n = u.length, rank = analysis.shape[1], im = spectrum(u)[1], unit = Math.sqrt(2 / n);
    const coordinates = new Float64Array(rank);
    lines.values.forEach((line, i) => {
      const value = -im[line + 1] * unit;
      for (let r = 0; r < rank; r++) coordinates[r] += value * analysis.values[i * rank + r];
    });
    const found = new Float64Array((n >> 1) + 1);
    lines.values.forEach((line, i) => {
      let value = 0;
      for (let r = 0; r < rank; r++) value += coordinates[r] * synthesis.values[i * rank + r];
      found[line + 1] = -value / unit;
    });
    return fromSpectrum(new Float64Array(found.length), found, n);
  }

  /* A feature map of C channels and L samples; each row has a zero before and after it, as the convolutions pad. */
  function map(channels, length) {
    return { channels, length, row: length + 2, values: new Float32Array(channels * (length + 2)) };
  }

  /* torch.nn.Conv2d over three positions, padded by zeros; four channels of the input in one pass. */
  function convolve(x, weight, bias) {
    const out = map(weight.shape[0], x.length), w = weight.values, inputs = x.channels, v = x.values;
    for (let o = 0; o < out.channels; o++) {
      const y = out.values.subarray(o * out.row + 1, o * out.row + 1 + x.length);
      y.fill(bias.values[o]);
      let c = 0;
      for (; c + 4 <= inputs; c += 4) {
        const k = (o * inputs + c) * 3, pa = c * x.row, pb = pa + x.row, pc = pb + x.row, pd = pc + x.row;
        const a0 = w[k], a1 = w[k + 1], a2 = w[k + 2], b0 = w[k + 3], b1 = w[k + 4], b2 = w[k + 5];
        const c0 = w[k + 6], c1 = w[k + 7], c2 = w[k + 8], d0 = w[k + 9], d1 = w[k + 10], d2 = w[k + 11];
        let al = v[pa], am = v[pa + 1], bl = v[pb], bm = v[pb + 1];
        let cl = v[pc], cm = v[pc + 1], dl = v[pd], dm = v[pd + 1];
        for (let l = 0; l < x.length; l++) {
          const ar = v[pa + l + 2], br = v[pb + l + 2], cr = v[pc + l + 2], dr = v[pd + l + 2];
          y[l] += a0 * al + a1 * am + a2 * ar + b0 * bl + b1 * bm + b2 * br + c0 * cl + c1 * cm + c2 * cr
            + d0 * dl + d1 * dm + d2 * dr;
          al = am; am = ar; bl = bm; bm = br; cl = cm; cm = cr; dl = dm; dm = dr;
        }
      }
      for (; c < inputs; c++) {
        const k = (o * inputs + c) * 3, at = c * x.row;
        for (let l = 0; l < x.length; l++)
          y[l] += w[k] * v[at + l] + w[k + 1] * v[at + l + 1] + w[k + 2] * v[at + l + 2];
      }
    }
    return out;
  }

  /* torch.nn.Conv2d with as many positions as its stride: without overlap. */
  function shorten(x, weight, bias, stride) {
    const out = map(weight.shape[0], x.length / stride), w = weight.values;
    for (let o = 0; o < out.channels; o++) {
      const y = out.values.subarray(o * out.row + 1, o * out.row + 1 + out.length);
      y.fill(bias.values[o]);
      for (let c = 0; c < x.channels; c++)
        for (let j = 0; j < stride; j++) {
          const factor = w[(o * x.channels + c) * stride + j];
          for (let l = 0, at = c * x.row + 1 + j; l < out.length; l++, at += stride) y[l] += factor * x.values[at];
        }
    }
    return out;
  }

  /* torch.nn.ConvTranspose2d with as many positions as its stride. */
  function lengthen(x, weight, bias, stride) {
    const channels = weight.shape[1], out = map(channels, x.length * stride), w = weight.values;
    const sum = new Float32Array(x.length);
    for (let o = 0; o < channels; o++)
      for (let j = 0; j < stride; j++) {
        sum.fill(bias.values[o]);
        for (let c = 0; c < x.channels; c++) {
          const factor = w[(c * channels + o) * stride + j], at = c * x.row + 1;
          for (let l = 0; l < x.length; l++) sum[l] += factor * x.values[at + l];
        }
        for (let l = 0, at = o * out.row + 1 + j; l < x.length; l++, at += stride) out.values[at] = sum[l];
      }
    return out;
  }

  /* mpicore.layers.PReLU, in place: one slope per channel. Without slopes a ReLU. */
  function rectify(x, slopes) {
    for (let c = 0; c < x.channels; c++) {
      const slope = slopes ? slopes.values[c] : 0;
      for (let at = c * x.row + 1, end = at + x.length; at < end; at++) if (x.values[at] < 0) x.values[at] *= slope;
    }
    return x;
  }

  function add(x, y) {
    for (let i = 0; i < x.values.length; i++) x.values[i] += y.values[i];
    return x;
  }

  function together(x, y) {
    const out = map(x.channels + y.channels, x.length);
    out.values.set(x.values);
    out.values.set(y.values, x.values.length);
    return out;
  }

  /* mpicore.network.EncoderDecoder.forward; parameter(name) gives a weight by its name in PyTorch. */
  function network(u, stride, parameter) {
    const n = u.length, reduction = 2 * stride ** 4;
    const padded = 2 * reduction + Math.ceil(n / reduction) * reduction;
    const scale = Math.sqrt(meanPower(u)) || 1;
    const named = (name) => [parameter(`${name}.weight`), parameter(`${name}.bias`)];

    const [stem, stemBias] = named("stem"), width = stem.shape[0];
    let x = map(width, padded / 2);
    const first = new Float32Array(padded + 2); // one zero on each side
    for (let k = 0; k < padded; k++) first[k + 1] = u[(((k - reduction) % n) + n) % n] / scale;
    for (let o = 0; o < width; o++)
      for (let l = 0; l < x.length; l++) {
        let sum = stemBias.values[o];
        for (let j = 0; j < 4; j++) sum += stem.values[o * 4 + j] * first[2 * l + j];
        x.values[o * x.row + 1 + l] = sum;
      }

    const skips = [];
    for (let level = 0; level < 4; level++) {
      skips.push(x);
      x = rectify(shorten(x, ...named(`encoder.${level}.0`), stride), parameter(`encoder.${level}.2.weight`));
      for (let block = 3; block < 6; block++) {
        const inner = rectify(convolve(x, ...named(`encoder.${level}.${block}.first`)));
        x = add(convolve(inner, ...named(`encoder.${level}.${block}.second`)), x);
      }
    }
    for (let level = 0; level < 4; level++) {
      x = together(lengthen(x, ...named(`decoder.${level}.up`), stride), skips.pop());
      x = convolve(convolve(x, ...named(`decoder.${level}.fuse.0`)), ...named(`decoder.${level}.fuse.1`));
      rectify(x, parameter(`decoder.${level}.fuse.2.weight`));
    }

    const [head, headBias] = named("head"), last = new Float64Array(padded + 2).fill(headBias.values[0]);
    for (let c = 0; c < width; c++)
      for (let l = 0; l < x.length; l++)
        for (let j = 0; j < 4; j++) last[2 * l + j] += head.values[c * 4 + j] * x.values[c * x.row + 1 + l];
    return Float64Array.from({ length: n }, (_, k) => last[reduction + k + 1] * scale);
  }

  /* ---- what is shown of a signal ---- */

  /* mpicore.reconstruction.XSpace: a sparse matrix, whose second half of columns is minus the mirrored first. */
  function image(u, operator, pixels) {
    const n = u.length, found = new Float64Array(pixels), { start, column, weight } = operator;
    for (let p = 0; p < pixels; p++)
      for (let i = start.values[p]; i < start.values[p + 1]; i++) {
        const k = column.values[i];
        found[p] += weight.values[i] * (u[k] - u[n - k]);
      }
    return found;
  }

  /* mpicore.metrics: eq. 8 [dB], and eq. 9 in the units of the signals. */
  function quality(clean, estimate) {
    const error = meanPower(estimate.map((value, k) => value - clean[k]));
    return { snr_db: 10 * Math.log10(meanPower(clean) / error), rmse: Math.sqrt(error) };
  }

  /* ---- the experiment ---- */

  class Experiment {
    constructor(manifest, text) {
      this.manifest = manifest;
      this.arrays = unpack(manifest.packed, text);
      this.learned = new Set();
    }

    /* What the methods have learned from one kind of noise. */
    add(fit, text) {
      Object.assign(this.arrays, unpack(fit.packed, text));
      this.learned.add(fit.name);
    }

    object(number) {
      return odd(this.arrays[`object-${number}`].values, this.manifest.samples);
    }

    phantom(number) {
      return Float64Array.from(this.arrays[`phantom-${number}`].values, (value) => value / 255);
    }

    image(u) {
      const part = (name) => this.arrays[`gridding-${name}`];
      const [ny, nx] = this.manifest.shape;
      return image(u, { start: part("start"), column: part("column"), weight: part("weight") }, ny * nx);
    }

    /* A signal denoised by a method of a fit. */
    denoise(u, fit, method) {
      const array = (part) => this.arrays[`${fit.name}-${method.name}-${part}`];
      if (method.kind === "nothing") return u;
      if (method.kind === "odd part") return oddPart(u);
      if (method.kind === "spectral") return wiener(method.odd ? oddPart(u) : u, array("gains").values);
      if (method.kind === "linear") return linear(u, array("lines"), array("analysis"), array("synthesis"));
      if (method.kind === "network") return network(u, method.stride, array);
      throw new Error(`unknown kind of method ${method.kind}`);
    }

    /* One period of an object, and what each method makes of it.

       settings: object, snr_db, interference (number in the manifest, 0 for none), sir_db, delay [s], seed, fit. */
    run(settings) {
      const { samplingFrequency } = this.manifest;
      const { frequencies } = this.manifest.interferences[settings.interference];
      const clean = delayed(this.object(settings.object), settings.delay, samplingFrequency);
      const period = noisy(clean, { ...settings, frequencies }, samplingFrequency);
      const fit = this.manifest.fits[settings.fit];
      const methods = fit.methods.map((method) => {
        const signal = this.denoise(period, fit, method);
        const { snr_db, rmse } = quality(clean, signal);
        return { ...method, signal, snr_db, rmse: rmse * this.manifest.scale };
      });
      return { clean, noisy: period, methods };
    }
  }

  window.mpiExperiment = Object.assign(window.mpiExperiment || {}, {
    Experiment, spectrum, fromSpectrum, normal, uniform, unpack,
  });
})();
