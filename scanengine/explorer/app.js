// The page: what is chosen, what is drawn for it, what is read off.

const POINTS = 201;
const SLICE_MS = 10; // of work at a time, so that the page answers

const given = JSON.parse(document.getElementById("payload").textContent);
const outer = given.combined.outer ?? []; // axes of which the likelihood is known at their values alone
let combined = null;
let alone = [];

// Take the likelihoods at values of the outer axes; heights count from the lowest chi2 of all values.
const compiled = new Map();
function takeAt(values) {
  const at = Object.fromEntries(outer.map((axis, k) => [axis.name, axis.values[values[k]]]));
  const key = values.join();
  if (!compiled.has(key)) {
    const one = (document) => compile({ ...likelihoodAt(document, at), minimum: document.minimum });
    compiled.set(key, {
      combined: one(given.combined),
      alone: given.experiments.map((each) => ({ name: each.name, likelihood: one(each.likelihood) })),
    });
  }
  ({ combined, alone } = compiled.get(key));
}
const outerAtBest = outer.map((axis) => axis.values.indexOf(given.combined.best_fit[axis.name]));
takeAt(outerAtBest);
const names = combined.names;
const byId = (id) => document.getElementById(id);
const svg = byId("plot");

const state = {
  x: 0,
  y: names.length > 1 ? 1 : -1,
  log: names.map((_, i) => combined.document.parameters[i].spacing === "log"),
  hidden: names.map((name) => ({ profiled: true, value: given.combined.best_fit[name] })),
  outer: outerAtBest, // which value each outer axis is at
  levels: given.levels.map(() => true),
  overlays: alone.map(() => false),
  at: null, // where the figure was clicked, in values
};

const parameter = (i) => combined.document.parameters[i];
const canBeLog = (i) => parameter(i).min > 0;
const hiddenNow = () => names.map((_, i) => i).filter((i) => i !== state.x && i !== state.y);
const profiledNow = () => hiddenNow().filter((i) => state.hidden[i].profiled);
const html = (runs) =>
  runs.map(([text, kind]) => {
    const made = document.createElement(kind || "span");
    made.textContent = text;
    return made;
  });
const withUnits = (i) => symbolAndUnits(names[i]);
function symbolAndUnits(name) {
  const units = given.units[name];
  return units.length ? [...given.symbols[name], [" [", ""], ...units, ["]", ""]] : given.symbols[name];
}
const outerNow = () => outer.map((axis, k) => [axis.name, axis.values[state.outer[k]]]);
const plainSymbol = (i) => given.symbols[names[i]].map(([text]) => text).join("");

// Values, of the parameters of a likelihood, that its plane takes: where hidden ones are held, and places of the axes.
const held = (likelihood) => names.map((_, i) => scaled(likelihood, i, state.hidden[i].value));
function places(likelihood, i, map) {
  return Float64Array.from({ length: POINTS }, (_, k) => scaled(likelihood, i, map.value(k / (POINTS - 1))));
}

function maps() {
  const axis = (i) => axisMap(parameter(i).min, parameter(i).max, state.log[i] && canBeLog(i));
  return [axis(state.x), state.y < 0 ? axisMap(0, 10, false) : axis(state.y)];
}

// Drawing: one plane after the other, each from coarse to fine, in slices of time; a new choice begins anew.

let run = 0;
const channel = new MessageChannel();
let continuation = null;
channel.port1.onmessage = () => continuation?.();

function redraw() {
  const mine = ++run;
  svg.dataset.began = mine;
  const began = performance.now();
  const [x, y] = maps();
  const wanted = [{ likelihood: combined, outline: null }];
  alone.forEach((each, k) => {
    if (state.overlays[k]) wanted.push({ likelihood: each.likelihood, outline: k % 6 });
  });
  const jobs = wanted.map(({ likelihood, outline }) => ({ likelihood, outline, ...jobOf(likelihood, x, y) }));
  let current = 0;
  let first = 0;
  const work = () => {
    if (mine !== run) return;
    const until = performance.now() + SLICE_MS;
    while (current < jobs.length && performance.now() < until) {
      const { value, done } = jobs[current].generator.next();
      if (done) current++;
      else if (value) {
        Object.assign(jobs[current], value);
        paint(jobs, x, y);
        first ||= performance.now() - began;
      }
    }
    if (current < jobs.length) {
      continuation = work;
      channel.port2.postMessage(0);
      return;
    }
    const all = performance.now() - began;
    Object.assign(svg.dataset, { run: mine, firstMs: first.toFixed(2), completeMs: all.toFixed(2) });
    byId("status").textContent = `${POINTS} x ${state.y < 0 ? 1 : POINTS} points in ${all.toFixed(0)} ms.`;
  };
  work();
}

function jobOf(likelihood, x, y) {
  const px = Float64Array.from({ length: POINTS }, (_, k) => PLOT.left + (PLOT.width * k) / (POINTS - 1));
  const py = Float64Array.from({ length: POINTS }, (_, k) => PLOT.top + PLOT.height * (1 - k / (POINTS - 1)));
  const reduced = reduce(likelihood, state.x, state.y, profiledNow(), held(likelihood));
  const tb = state.y < 0 ? Float64Array.of(0) : places(likelihood, state.y, y);
  return { px, py, generator: fillPlane(reduced, places(likelihood, state.x, x), tb) };
}

function paint(jobs, x, y) {
  const group = element("g", { "clip-path": "url(#inside)" });
  const line = state.y < 0;
  const levels = given.levels
    .map((level, k) => ({ height: line ? level.one : level.two, shade: k, shown: state.levels[k] }))
    .filter((level) => level.shown)
    .reverse();
  for (const { chi2, stride, px, py, likelihood, outline } of jobs) {
    if (!chi2) continue;
    const shared = { values: chi2, stride, px, py, minimum: likelihood.document.minimum };
    if (line) drawCurve(group, { ...shared, y }, outline);
    else drawRegions(group, { ...shared, nx: POINTS, ny: POINTS }, outline === null ? levels : levels.slice(0, 1), outline);
  }
  if (line) {
    for (const { height } of levels) group.append(element("path", { class: "level", d: `M${PLOT.left} ${toY(y, height)}h${PLOT.width}` }));
  }
  const style = element("style", {}, [`${given.styles.figure}\n@media (prefers-color-scheme: dark) { ${given.styles.dark} }`]);
  const paper = element("rect", { class: "paper", width: SIZE.width, height: SIZE.height });
  const clip = element("clipPath", { id: "inside" }, [
    element("rect", { x: PLOT.left, y: PLOT.top, width: PLOT.width, height: PLOT.height }),
  ]);
  svg.replaceChildren(svg.querySelector("title"), style, clip, paper, group);
  drawFrame(svg, x, y, [withUnits(state.x), line ? [["Δχ", ""], ["2", "sup"]] : withUnits(state.y)]);
  drawMarks(x, y, line);
}

function drawMarks(x, y, line) {
  const group = element("g", { "clip-path": "url(#inside)" });
  const { minima, minimum, standard_model: standard } = given.combined;
  if (!line) {
    const [a, b] = [names[state.x], names[state.y]];
    if (a in standard && b in standard) {
      group.append(element("circle", { class: "standard", cx: toX(x, standard[a]), cy: toY(y, standard[b]), r: 6 }));
    }
    for (const each of minima) {
      if (each.chi2 - minimum < 1e-6 * (1 + Math.abs(minimum))) group.append(star(toX(x, each.at[a]), toY(y, each.at[b])));
    }
  }
  if (state.at) {
    const column = toX(x, state.at[0]);
    group.append(element("path", { class: "cross", d: `M${column} ${PLOT.top}v${PLOT.height}` }));
    if (!line) group.append(element("path", { class: "cross", d: `M${PLOT.left} ${toY(y, state.at[1])}h${PLOT.width}` }));
  }
  svg.append(group);
}

// Reading: chi2, parameters, nuisances and counts where the figure was clicked.

function read() {
  const box = byId("readout");
  if (!state.at) return;
  const at = (likelihood) => {
    const ta = scaled(likelihood, state.x, state.at[0]);
    const tb = state.y < 0 ? 0 : scaled(likelihood, state.y, state.at[1]);
    return readPoint(likelihood, state.x, state.y, profiledNow(), held(likelihood), ta, tb);
  };
  const found = at(combined);
  const delta = found.chi2 - combined.document.minimum;
  const heading = document.createElement("h2");
  heading.textContent = "At the cross";
  const summary = document.createElement("p");
  Object.assign(summary.dataset, { chi2: found.chi2, deltaChi2: delta });
  summary.append(`χ² = ${found.chi2.toPrecision(8)}, ${delta.toPrecision(6)} above the best fit`);
  const parameters = table(
    ["parameter", "value", ""],
    names.map((name, i) => [
      withUnits(i),
      { number: found.x[name], name },
      i === state.x || i === state.y ? "shown" : state.hidden[i].profiled ? "profiled" : "held",
    ]).concat(outerNow().map(([name, value]) => [symbolAndUnits(name), { number: value, name }, "held"])),
  );
  const parts = [heading, summary, parameters];
  const nuisances = combined.document.nuisances ?? [];
  if (nuisances.length) {
    parts.push(table(["nuisance", "pull"], nuisances.map((n, k) => [n.name, { number: found.pulls[k], name: n.name }])));
  }
  const chosen = alone.filter((_, k) => state.overlays[k]);
  if (chosen.length) {
    const rows = chosen.map(({ name, likelihood }) => [name, { number: at(likelihood).chi2 - likelihood.document.minimum, name }]);
    parts.push(table(["experiment alone", "above its best fit"], rows));
  }
  parts.push(...countTables(found.x, found.pulls));
  box.replaceChildren(...parts);
}

// What is expected in each bin with the nuisances as they are fitted, where all counts are Poisson's; else nothing, since
// of others only sums are known.
function fittedCounts(monomials, pulls) {
  const { bins, nuisances = [], poisson } = combined.document;
  if (!nuisances.length || bins.some((bin) => bin.statistic !== "poisson")) return null;
  const value = (row) => row.reduce((sum, c, m) => sum + c * monomials[m], 0);
  return poisson.counts.map((row, i) =>
    nuisances.reduce(
      (sum, n, k) => sum + pulls[k] * value((pulls[k] >= 0 ? n.above : (n.below ?? n.above)).counts[i]),
      value(row) + poisson.background[i],
    ),
  );
}

function countTables(x, pulls) {
  const t = names.map((name, i) => scaled(combined, i, x[name]));
  const monomials = combined.document.exponents.map((powers) => powers.reduce((m, e, i) => m * t[i] ** e, 1));
  const channels = new Map();
  const fitted = fittedCounts(monomials, pulls);
  const bins = combined.document.bins.map((bin, i) => {
    const signal = bin.signal.reduce((sum, c, m) => sum + c * monomials[m], 0);
    const key = `${bin.experiment}, ${bin.channel}`;
    const sums = channels.get(key) ?? { signal: 0, background: 0, fitted: 0, data: 0, asimov: bin.asimov };
    sums.signal += signal;
    sums.background += bin.background;
    sums.fitted += fitted ? fitted[i] : 0;
    sums.data += bin.data;
    channels.set(key, sums);
    const high = bin.energy[1] ?? "∞";
    return [`${key}, ${shortNumber(bin.energy[0])} to ${typeof high === "number" ? shortNumber(high) : high} ${bin.units}`, { number: fitted ? fitted[i] : signal + bin.background }, { number: bin.data }, bin.asimov ? "SM" : "seen"];
  });
  const backgrounds = [...channels.values()].some((sums) => sums.background !== 0);
  const rows = [...channels].map(([key, sums]) => [
    key,
    { number: sums.signal, name: `signal, ${key}` },
    ...(backgrounds ? [{ number: sums.background }] : []),
    ...(fitted ? [{ number: sums.fitted, name: `fitted, ${key}` }] : []),
    { number: sums.data, name: `data, ${key}` },
    sums.asimov ? "SM" : "seen",
  ]);
  const caption = !pulls.length ? "Counts" : fitted ? "Counts, nominal and with nuisances fitted" : "Counts at nominal nuisances";
  const heads = ["channel", "signal", ...(backgrounds ? ["background"] : []), ...(fitted ? ["fitted"] : []), "data", ""];
  const found = [table(heads, rows, caption)];
  if (bins.length > rows.length) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = `${bins.length} bins`;
    details.append(summary, table(["bin", "expected", "data", ""], bins));
    found.push(details);
  }
  return found;
}

function table(heads, rows, caption = "") {
  const made = document.createElement("table");
  if (caption) made.createCaption().textContent = caption;
  const head = made.createTHead().insertRow();
  heads.forEach((text, k) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    if (rows[0]?.[k]?.number !== undefined) cell.className = "number";
    head.append(cell);
  });
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) {
      const cell = line.insertCell();
      if (Array.isArray(value)) cell.append(...html(value));
      else if (value.number === undefined) cell.textContent = value;
      else {
        cell.className = "number";
        cell.textContent = shortNumber(value.number);
        if (value.name) Object.assign(cell.dataset, { name: value.name, value: value.number });
      }
    }
  }
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(made);
  return scroll;
}

// Controls.

function choose(select, value, none) {
  select.replaceChildren();
  names.forEach((name, i) => select.append(new Option(name, i, false, i === value)));
  if (none) select.append(new Option("Δχ²", -1, false, value === -1));
}

function checkbox(box, text, checked, changed) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "checkbox";
  input.checked = checked;
  input.addEventListener("change", () => changed(input.checked));
  label.append(input, ...text);
  box.append(label);
}

function showControls() {
  choose(byId("x"), state.x, false);
  choose(byId("y"), state.y, true);
  for (const [id, i] of [["log-x", state.x], ["log-y", state.y]]) {
    byId(id).disabled = i < 0 || !canBeLog(i);
    byId(id).checked = i >= 0 && state.log[i] && canBeLog(i);
  }
  const box = byId("hidden");
  box.replaceChildren();
  byId("hidden-box").hidden = hiddenNow().length + outer.length === 0;
  for (const i of hiddenNow()) box.append(slider(i));
  outer.forEach((_, k) => box.append(outerSlider(k)));
  byId("plot-name").textContent = `Allowed regions of ${plainSymbol(state.x)}${state.y < 0 ? "" : ` and ${plainSymbol(state.y)}`}`;
}

function slider(i) {
  const { min, max } = parameter(i);
  const map = axisMap(min, max, state.log[i] && canBeLog(i));
  const made = document.createElement("div");
  made.className = "hidden-parameter";
  made.dataset.name = names[i];
  const name = document.createElement("span");
  name.id = `name-${i}`;
  name.append(...html(withUnits(i)));
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1000, step: 1 });
  const number = Object.assign(document.createElement("input"), { type: "number", min, max, step: "any" });
  for (const input of [range, number]) input.setAttribute("aria-labelledby", name.id);
  const show = () => {
    range.value = 1000 * map.share(state.hidden[i].value);
    range.setAttribute("aria-valuetext", shortNumber(state.hidden[i].value));
    number.value = Number(state.hidden[i].value.toPrecision(6));
    range.disabled = number.disabled = state.hidden[i].profiled;
  };
  const hold = (value) => {
    state.hidden[i].value = Math.min(Math.max(value, min), max);
    range.setAttribute("aria-valuetext", shortNumber(state.hidden[i].value));
    changed();
  };
  range.addEventListener("input", () => {
    hold(map.value(range.value / 1000));
    number.value = Number(state.hidden[i].value.toPrecision(6));
  });
  number.addEventListener("change", () => {
    if (number.value !== "") hold(Number(number.value));
    show();
  });
  made.append(name, range, number);
  checkbox(made, ["profiled"], state.hidden[i].profiled, (on) => {
    state.hidden[i].profiled = on;
    show();
    changed();
  });
  show();
  return made;
}

// The slider of an outer axis steps from one of its values to the next.
function outerSlider(k) {
  const { name, values } = outer[k];
  const made = document.createElement("div");
  made.className = "hidden-parameter";
  made.dataset.name = name;
  const label = document.createElement("span");
  label.id = `outer-${k}`;
  label.append(...html(symbolAndUnits(name)));
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: values.length - 1, step: 1 });
  range.setAttribute("aria-labelledby", label.id);
  const shown = document.createElement("output");
  const show = () => {
    shown.textContent = shortNumber(values[state.outer[k]]);
    range.setAttribute("aria-valuetext", shown.textContent);
  };
  range.value = state.outer[k];
  range.addEventListener("input", () => {
    state.outer = state.outer.with(k, Number(range.value));
    takeAt(state.outer);
    show();
    changed();
  });
  made.append(label, range, shown);
  show();
  return made;
}

function showKey() {
  const line = state.y < 0;
  const levels = given.levels.filter((_, k) => state.levels[k]).map((level) => `${Number(level.cl.toPrecision(6))}%`);
  const parts = [`${levels.join(", ") || "no"} C.L., ${line ? "1 dof" : "2 dof"}.`];
  if (!line) parts.push(" Star: best fit, wherever the hidden parameters are; ring: Standard Model.");
  const listed = (which, start, item) => {
    which.forEach((i, k) => parts.push(k ? ", " : start, ...item(i)));
    if (which.length) parts.push(".");
  };
  const profiled = profiledNow();
  const fixed = hiddenNow().filter((i) => !profiled.includes(i)).map((i) => [names[i], state.hidden[i].value]);
  listed(profiled, " Profiled over ", (i) => html(given.symbols[names[i]]));
  listed([...fixed, ...outerNow()], " At ", ([name, value]) => [...html(given.symbols[name]), ` = ${shortNumber(value)}`]);
  byId("key").replaceChildren(...parts);
}

let asked = false;
function changed() {
  if (asked) return;
  asked = true; // once a frame, however often a slider moves
  requestAnimationFrame(() => {
    asked = false;
    showKey();
    redraw();
    read();
  });
}

function replot() {
  showControls();
  changed();
}

byId("x").addEventListener("change", (event) => {
  const chosen = Number(event.target.value);
  if (chosen === state.y) state.y = state.x;
  state.x = chosen;
  state.at = null;
  replot();
});
byId("y").addEventListener("change", (event) => {
  const chosen = Number(event.target.value);
  if (chosen === state.x) state.x = state.y < 0 ? (chosen + 1) % names.length : state.y;
  state.y = names.length > 1 ? chosen : -1;
  state.at = null;
  replot();
});
for (const [id, which] of [["log-x", "x"], ["log-y", "y"]]) {
  byId(id).addEventListener("change", (event) => {
    state.log[state[which]] = event.target.checked;
    replot();
  });
}
given.levels.forEach((level, k) => {
  checkbox(byId("levels"), [`${Number(level.cl.toPrecision(6))}%`], true, (on) => {
    state.levels[k] = on;
    changed();
  });
});
alone.forEach(({ name }, k) => {
  checkbox(byId("overlays"), [strokeSample(k % 6), name], false, (on) => {
    state.overlays[k] = on;
    changed();
  });
});
byId("overlay-box").hidden = alone.length < 2;

function strokeSample(k) {
  return element("svg", { class: "key", width: 34, height: 10, "aria-hidden": "true" }, [
    element("path", { class: `outline outline-${k}`, d: "M0 5h34" }),
  ]);
}

function point(event) {
  const box = svg.getBoundingClientRect();
  const [x, y] = maps();
  const share = (at, start, size) => Math.min(Math.max((at - start) / size, 0), 1);
  const across = ((event.clientX - box.left) * SIZE.width) / box.width;
  const down = ((event.clientY - box.top) * SIZE.height) / box.height;
  state.at = [x.value(share(across, PLOT.left, PLOT.width)), y.value(1 - share(down, PLOT.top, PLOT.height))];
  changed();
}

svg.addEventListener("pointerdown", (event) => {
  svg.setPointerCapture(event.pointerId);
  point(event);
});
svg.addEventListener("pointermove", (event) => {
  if (event.buttons && svg.hasPointerCapture(event.pointerId)) point(event);
});
svg.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  const [x, y] = maps();
  const best = given.combined.best_fit;
  const from = state.at ?? [best[names[state.x]], state.y < 0 ? 0 : best[names[state.y]]];
  const step = event.shiftKey ? 0.1 : 0.01;
  const moved = (map, value, by) => map.value(Math.min(Math.max(map.share(value) + step * by, 0), 1));
  state.at = [moved(x, from[0], move[0]), moved(y, from[1], move[1])];
  changed();
});

const stem = (given.combined.title || "likelihood").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
byId("save-svg").addEventListener("click", () => offer(`${stem}.svg`, "image/svg+xml", figureText(svg, given.styles.figure)));
byId("save-png").addEventListener("click", () => savePng(`${stem}.png`, figureText(svg, given.styles.figure)));
byId("save-scan").addEventListener("click", () => offer(`${stem}.toml`, "text/plain", scanFile(given.scan_file, heldByName(), outerNow())));
byId("save-scan").disabled = !given.scan_file.base;
byId("save-likelihood").addEventListener("click", () =>
  offer(`${stem}.json`, "application/json", JSON.stringify(given.combined)),
);

const heldByName = () =>
  Object.fromEntries(hiddenNow().filter((i) => !state.hidden[i].profiled).map((i) => [names[i], state.hidden[i].value]));

// The keys of the overlays are drawn outside the figure.
document.head.append(Object.assign(document.createElement("style"), { textContent: given.styles.figure.split("\n").filter((line) => line.startsWith(".outline")).join("\n") }));
const many = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
byId("about").textContent = `${many(new Set(combined.document.bins.map((bin) => bin.experiment)).size, "experiment")}, ${many(combined.document.bins.length, "bin")}; lowest χ² ${shortNumber(Math.abs(given.combined.minimum) < 1e-9 ? 0 : given.combined.minimum)}.`;
replot();
