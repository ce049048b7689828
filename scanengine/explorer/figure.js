// The figure: axes, regions, marks, as SVG whose look is in a style element of its own, so that a download has it too.

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { width: 640, height: 560, left: 78, right: 16, top: 16, bottom: 62 };
const PLOT = {
  left: SIZE.left,
  top: SIZE.top,
  width: SIZE.width - SIZE.left - SIZE.right,
  height: SIZE.height - SIZE.top - SIZE.bottom,
};

function element(name, attributes = {}, children = []) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A symbol, as runs of [text, "" | "sub" | "sup"], in tspans.
function symbolSpans(runs) {
  let raised = 0;
  return runs.map(([text, kind]) => {
    const wanted = kind === "sub" ? 5 : kind === "sup" ? -7 : 0;
    const span = element("tspan", { dy: wanted - raised, ...(kind ? { class: "small" } : {}) }, [text]);
    raised = wanted;
    return span;
  });
}

function shortNumber(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) {
    const [digits, power] = x.toExponential(2).split("e");
    return `${parseFloat(digits)}e${parseInt(power, 10)}`;
  }
  return String(parseFloat(x.toPrecision(4)));
}

// Ticks of an axis from low to high: [value, label or ""].
function ticks(low, high, log) {
  if (log) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (let digit = 1; digit < 10; digit++) {
        const value = digit * 10 ** power;
        if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
        const few = Math.log10(high / low) < 1.5 && (digit === 2 || digit === 5);
        found.push([value, digit === 1 || few ? shortNumber(value) : ""]);
      }
    }
    return found;
  }
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    found.push([k * step, shortNumber(parseFloat((k * step).toPrecision(12)))]);
  }
  return found;
}

// The places of an axis: from values to shares of its length and back.
function axisMap(low, high, log) {
  const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
  return {
    low,
    high,
    log,
    share: (x) => ((log ? Math.log(x) : x) - a) / (b - a),
    value: (share) => (log ? Math.exp(a + share * (b - a)) : a + share * (b - a)),
  };
}

const toX = (map, x) => PLOT.left + PLOT.width * map.share(x);
const toY = (map, y) => PLOT.top + PLOT.height * (1 - map.share(y));

function drawFrame(svg, x, y, labels) {
  const group = element("g", { class: "frame" });
  group.append(element("rect", { x: PLOT.left, y: PLOT.top, width: PLOT.width, height: PLOT.height }));
  const bottom = PLOT.top + PLOT.height;
  for (const [value, text] of ticks(x.low, x.high, x.log)) {
    const at = toX(x, value).toFixed(1);
    const long = text ? 6 : 3;
    group.append(element("path", { d: `M${at} ${bottom}v-${long}M${at} ${PLOT.top}v${long}` }));
    if (text) group.append(element("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, [text]));
  }
  for (const [value, text] of ticks(y.low, y.high, y.log)) {
    const at = toY(y, value).toFixed(1);
    const long = text ? 6 : 3;
    group.append(element("path", { d: `M${PLOT.left} ${at}h${long}M${PLOT.left + PLOT.width} ${at}h-${long}` }));
    if (text) group.append(element("text", { x: PLOT.left - 8, y: at, dy: "0.35em", "text-anchor": "end" }, [text]));
  }
  const middle = PLOT.left + PLOT.width / 2;
  group.append(element("text", { class: "label", x: middle, y: SIZE.height - 16, "text-anchor": "middle" }, symbolSpans(labels[0])));
  const up = PLOT.top + PLOT.height / 2;
  const turned = { class: "label", x: 0, y: 0, transform: `translate(20 ${up}) rotate(-90)`, "text-anchor": "middle" };
  group.append(element("text", turned, symbolSpans(labels[1])));
  svg.append(group);
}

// Regions of one likelihood, the largest level first; `outline` (a number) draws only the lines, in that stroke.
function drawRegions(group, plane, levels, outline) {
  const { values, nx, ny, stride, px, py, minimum } = plane;
  levels.forEach(({ height, shade }) => {
    const { fill, line } = region(values, nx, ny, stride, px, py, minimum, height);
    if (outline === null) group.append(element("path", { class: `region shade-${shade}`, d: fill, "fill-rule": "evenodd" }));
    group.append(element("path", { class: outline === null ? `edge dash-${shade}` : `outline outline-${outline}`, d: line }));
  });
}

function drawCurve(group, curve, outline) {
  const { values, stride, px, minimum, y } = curve;
  let d = "";
  for (let i = 0; i < px.length; i += stride) {
    const height = Math.min(values[i] - minimum, 4 * y.high);
    d += `${d ? "L" : "M"}${px[i].toFixed(1)} ${toY(y, height).toFixed(1)}`;
  }
  group.append(element("path", { class: outline === null ? "edge" : `outline outline-${outline}`, d }));
}

function star(x, y) {
  const points = [];
  for (let k = 0; k < 10; k++) {
    const r = k % 2 ? 3.4 : 8.5;
    points.push(`${(x + r * Math.sin((k * Math.PI) / 5)).toFixed(1)} ${(y - r * Math.cos((k * Math.PI) / 5)).toFixed(1)}`);
  }
  return element("path", { class: "best", d: `M${points.join("L")}Z` });
}
