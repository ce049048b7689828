// A likelihood document in arrays, and its rows over a plane as quadratics of the parameters that are hidden.

// Rows of squares first, then Poisson counts. Template 0 of a row is its nominal value, the others are changes per
// standard deviation of the nuisances: `above[k]` and `below[k]` say which.
function compile(document) {
  const nuisances = document.nuisances ?? [];
  const poisson = document.poisson ?? { counts: [], background: [], data: [] };
  const nominal = [...document.squares, ...poisson.counts];
  const templates = [nominal];
  const above = [];
  const below = [];
  for (const nuisance of nuisances) {
    above.push(templates.push([...nuisance.above.squares, ...nuisance.above.counts]) - 1);
    below.push(
      nuisance.below ? templates.push([...nuisance.below.squares, ...nuisance.below.counts]) - 1 : above.at(-1),
    );
  }
  const rows = nominal.length;
  const squares = document.squares.length;
  const weights = document.weights ?? document.squares.map(() => [1, 1]);
  const lower = [];
  const upper = [];
  for (const p of document.parameters) {
    lower.push(toScaled(p, p.min));
    upper.push(toScaled(p, p.max));
  }
  return {
    document,
    names: document.parameters.map((p) => p.name),
    rows,
    squares,
    templates,
    above: Int32Array.from(above),
    below: Int32Array.from(below),
    weightsAbove: Float64Array.from(weights, (pair) => pair[0]),
    weightsBelow: Float64Array.from(weights, (pair) => pair[1]),
    background: Float64Array.from(poisson.background),
    data: Float64Array.from(poisson.data),
    pulls: document.pulls ?? [],
    logWidths: Float64Array.from(nuisances, (n) => (n.pull === "log" ? n.width : 0)),
    lower,
    upper,
    onlySquares: rows === squares && nuisances.length === 0 && weights.every(([up, down]) => up === 1 && down === 1),
  };
}

// The variable t of a parameter's value x, and back; of a coupling the square enters.
const toScaled = (p, x) => ((p.squared ? x * x : x) - p.centre) / p.half_width;
const scaled = (likelihood, i, x) => toScaled(likelihood.document.parameters[i], x);
const unscaled = (likelihood, i, t) => {
  const p = likelihood.document.parameters[i];
  const value = p.centre + p.half_width * t;
  return p.squared ? Math.sqrt(Math.max(value, 0)) : value;
};

// Which hidden parameters enter by their squares alone: chi2 is flat in them at zero, so s = t^2 is searched instead.
function entersSquared(likelihood, i) {
  const used = new Set();
  for (const template of likelihood.templates) {
    for (const row of template) {
      row.forEach((c, m) => {
        if (c !== 0) used.add(m);
      });
    }
  }
  const { exponents } = likelihood.document;
  return [...used].every((m) => exponents[m][i] === 0 || (exponents[m][i] === 2 && exponents[m].every((e, j) => j === i || e === 0)));
}

// The rows over the plane of parameters a and b (b = -1: over a alone), others fixed at t or hidden. Row-template q has
// for each of `size` monomials of the hidden variables six coefficients of 1, ta, ta^2, tb, ta tb, tb^2.
function reduce(likelihood, a, b, hidden, t) {
  const { exponents } = likelihood.document;
  const squared = hidden.map((i) => entersSquared(likelihood, i));
  const H = hidden.length;
  const monomials = [[]];
  for (let i = 0; i < H; i++) monomials.push([i]);
  for (let i = 0; i < H; i++) for (let j = i; j < H; j++) if (!(squared[i] || squared[j])) monomials.push([i, j]);
  const place = new Map(monomials.map((m, k) => [m.join(), k]));
  const plane = new Map([["0,0", 0], ["1,0", 1], ["2,0", 2], ["0,1", 3], ["1,1", 4], ["0,2", 5]]);
  const targets = exponents.map((powers) => {
    const of = [];
    hidden.forEach((i, h) => {
      const e = squared[h] ? powers[i] / 2 : powers[i];
      if (e >= 1) of.push(h);
      if (e === 2) of.push(h);
    });
    const k = place.get(of.join());
    const factor = powers.reduce((f, e, i) => (i === a || i === b || hidden.includes(i) ? f : f * t[i] ** e), 1);
    return k === undefined ? null : { at: 6 * k + plane.get(`${powers[a]},${b < 0 ? 0 : powers[b]}`), factor };
  });
  const size = monomials.length;
  const coefficients = new Float64Array(likelihood.templates.length * likelihood.rows * size * 6);
  likelihood.templates.forEach((template, c) => {
    template.forEach((row, r) => {
      const first = (c * likelihood.rows + r) * size * 6;
      row.forEach((value, m) => {
        if (value !== 0) coefficients[first + targets[m].at] += value * targets[m].factor;
      });
    });
  });
  for (let r = likelihood.squares; r < likelihood.rows; r++) {
    coefficients[r * size * 6] += likelihood.background[r - likelihood.squares];
  }
  const ends = hidden.map((i, h) => {
    const [low, high] = [likelihood.lower[i], likelihood.upper[i]];
    if (!squared[h]) return [low, high];
    const inside = low <= 0 && high >= 0;
    return [inside ? 0 : Math.min(low ** 2, high ** 2), Math.max(low ** 2, high ** 2)];
  });
  return {
    likelihood,
    hidden,
    squared,
    monomials,
    first: Int32Array.from(monomials, (m) => m[0] ?? 0),
    second: Int32Array.from(monomials, (m) => m[1] ?? 0),
    size,
    coefficients,
    lower: Float64Array.from(ends, (e) => e[0]),
    upper: Float64Array.from(ends, (e) => e[1]),
    line: new Float64Array(coefficients.length / 2),
    point: new Float64Array(coefficients.length / 6),
  };
}

// Fix tb: along the line each coefficient is a quadratic of ta.
function fixLine(reduced, tb) {
  const { coefficients, line } = reduced;
  for (let i = 0, j = 0; i < coefficients.length; i += 6, j += 3) {
    line[j] = coefficients[i] + tb * (coefficients[i + 3] + tb * coefficients[i + 5]);
    line[j + 1] = coefficients[i + 1] + tb * coefficients[i + 4];
    line[j + 2] = coefficients[i + 2];
  }
}

// Fix ta as well: what is left are the coefficients of the hidden variables' monomials.
function fixPoint(reduced, ta) {
  const { line, point } = reduced;
  for (let i = 0, j = 0; j < point.length; i += 3, j++) point[j] = line[i] + ta * (line[i + 1] + ta * line[i + 2]);
}

// The hidden parameter that a searched variable stands for, as t: of a square the root that is within the ends.
function hiddenT(reduced, h, u) {
  if (!reduced.squared[h]) return u;
  const i = reduced.hidden[h];
  const root = Math.sqrt(Math.max(u, 0));
  return root <= reduced.likelihood.upper[i] ? root : -root;
}
