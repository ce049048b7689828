// chi2 of a likelihood file in JavaScript: this file can be copied, it needs nothing else.
//
//     const { minimised } = require("./reader.js")
//     const { chi2, pulls } = minimised(likelihood, { sin2_theta_w: 0.23, ... })
//
// docs/likelihood-files.md says what is evaluated; reader.py does the same in Python.
"use strict";

const WALL = 1e-5; // a count without data falls this far below zero before chi2 rises by one

const sumOfProducts = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

// The likelihood of a file at values of its outer axes, by name; without such axes the file itself.
function likelihoodAt(document, x) {
  if (!document.outer) return document;
  const place = document.outer.reduce((sum, { name, values }) => {
    const i = values.findIndex((value) => Math.abs(value - x[name]) <= 1e-9 * Math.abs(value));
    if (i < 0) throw new Error(`there is no likelihood at ${name} = ${x[name]}`);
    return sum * values.length + i;
  }, 0);
  return document.likelihoods[place];
}

// The terms of chi2 at parameters x, by name: squares and Poisson counts at nominal nuisances, and their changes per
// standard deviation of each nuisance, above and below zero.
function termsAt(likelihood, x) {
  const t = likelihood.parameters.map((p) => (x[p.name] ** (p.squared ? 2 : 1) - p.centre) / p.half_width);
  const monomials = likelihood.exponents.map((powers) => powers.reduce((m, e, i) => m * t[i] ** e, 1));
  const value = (row) => sumOfProducts(row, monomials); // rows leave out the zeros they end in
  const changes = (kind, i) =>
    (likelihood.nuisances ?? []).map((n) => [value(n.above[kind][i]), value((n.below ?? n.above)[kind][i])]);
  const squares = likelihood.squares.map((row, i) => {
    const weights = likelihood.weights?.[i] ?? [1, 1];
    return { data: null, weights, nominal: value(row), changes: changes("squares", i) };
  });
  const { counts, background, data } = likelihood.poisson ?? { counts: [] };
  return squares.concat(
    counts.map((row, i) => ({ data: data[i], nominal: value(row) + background[i], changes: changes("counts", i) })),
  );
}

// What a square, or a count mu where n were seen, adds to chi2, and its first and second derivative.
function term(mu, n, weights) {
  if (n === null) {
    const w = mu > 0 ? weights[0] : weights[1];
    return [w * mu * mu, 2 * w * mu, 2 * w];
  }
  if (n === 0) {
    const below = Math.min(mu, 0) / WALL;
    return [2 * mu + below * below, 2 + (2 * below) / WALL, mu < 0 ? 2 / WALL ** 2 : 0];
  }
  if (mu <= 0) return [Infinity, 0, 0];
  const u = (mu - n) / n;
  return [2 * n * (u - Math.log1p(u)), 2 * (1 - n / mu), (2 * n) / mu ** 2];
}

// chi2, its derivatives by the nuisances z, in standard deviations, and how each of its terms is bent: the first and
// second derivative by its value, and that value's slopes. `up` says on which side of zero a nuisance is taken to be.
function chi2At(likelihood, terms, z = [], up = z.map((v) => v >= 0)) {
  let chi2 = 0;
  const first = z.map(() => 0);
  const bends = [];
  const add = ([value, slope, curvature], slopes) => {
    chi2 += value;
    slopes.forEach((s, k) => (first[k] += slope * s));
    bends.push({ slope, curvature, slopes });
  };
  for (const { data, weights, nominal, changes } of terms) {
    const slopes = changes.map((pair, k) => pair[up[k] ? 0 : 1]);
    add(term(nominal + sumOfProducts(slopes, z), data, weights), slopes);
  }
  for (const row of likelihood.pulls ?? []) {
    add(term(sumOfProducts(row, z), null, [1, 1]), z.map((_, k) => row[k] ?? 0));
  }
  (likelihood.nuisances ?? []).forEach(({ pull, width }, k) => {
    if (pull !== "log") return;
    const y = width * z[k];
    const found = y > -1 ? [y - Math.log1p(y), y / (1 + y), 1 / (1 + y) ** 2] : [Infinity, 0, 0];
    add(found.map((p, i) => (2 * p) / width ** (2 - i)), z.map((_, j) => (j === k ? 1 : 0)));
  });
  return { chi2, first, bends };
}

// chi2 at parameters x, by name, minimised over the nuisances, and these in standard deviations: by Newton's steps, which
// end where a nuisance with two sides changes its sign, since chi2 has a kink there.
function minimised(document, x) {
  const likelihood = likelihoodAt(document, x);
  const terms = termsAt(likelihood, x);
  const kinked = (likelihood.nuisances ?? []).map((n) => "below" in n);
  const each = kinked.map((_, k) => k);
  let z = kinked.map(() => 0);
  let up = kinked.map(() => true);
  let idle = 0;
  for (let count = 0; count < 500; count++) {
    const atKink = each.filter((k) => kinked[k] && z[k] === 0);
    const side = (s) => chi2At(likelihood, terms, z, up.map((u, k) => (atKink.includes(k) ? s : u))).first;
    const [rising, falling] = [side(true), side(false)];
    let free = each.filter((k) => !atKink.includes(k) || rising[k] < 0 || falling[k] > 0);
    for (const k of atKink) up[k] = -rising[k] >= falling[k];
    const { chi2, first, bends } = chi2At(likelihood, terms, z, up);
    let step = newton(bends, free, z.length);
    for (;;) {
      const backwards = free.filter((k) => atKink.includes(k) && step[k] < 0 === up[k] && step[k] !== 0);
      if (!backwards.length) break;
      free = free.filter((k) => !backwards.includes(k));
      step = newton(bends, free, z.length);
    }
    const crossed = free.filter((k) => kinked[k] && z[k] * step[k] < 0 && Math.abs(step[k]) > Math.abs(z[k]));
    const stops = new Map(crossed.map((k) => [k, -z[k] / step[k]]));
    let scale = Math.min(1, ...stops.values());
    const slope = sumOfProducts(first, step);
    for (; scale > 1e-14; scale *= 0.5) {
      const there = z.map((v, k) => (stops.get(k) === scale ? 0 : v + scale * step[k]));
      const found = chi2At(likelihood, terms, there, up).chi2;
      if (found <= chi2 + 1e-4 * scale * slope + 1e-13 * (1 + chi2)) {
        z = there;
        idle = chi2 - found <= 1e-10 * (1 + chi2) ? idle + 1 : 0;
        break;
      }
    }
    up = z.map((v, k) => (v !== 0 ? v > 0 : up[k]));
    const short = Math.max(0, ...step.map(Math.abs)) < 1e-9 && -slope <= 1e-9 * (1 + chi2);
    if (scale <= 1e-14 || (scale === 1 && short) || idle === 4) { // the last of steps that are rounding
      return { chi2: chi2At(likelihood, terms, z, up).chi2, pulls: z };
    }
  }
  throw new Error(`no minimum over the nuisances was found at ${JSON.stringify(x)}`);
}

// The step of the free nuisances to where chi2, if it were quadratic, is least; zero for the others. The columns of slopes
// are made orthogonal one after the other: a sum of second derivatives would forget the pulls beside large effects that
// cancel each other.
function newton(bends, free, nuisances) {
  const product = (a, b) => bends.reduce((sum, { curvature }, r) => sum + curvature * a[r] * b[r], 0);
  const goal = bends.map(({ slope, curvature }) => (curvature ? slope / curvature : 0));
  const columns = free.map((k) => bends.map(({ slopes }) => slopes[k]));
  const straight = free.map((k) => bends.reduce((sum, { slope, curvature, slopes }) => sum + (curvature ? 0 : slope * slopes[k]), 0));
  const shares = free.map(() => []);
  const reached = columns.map((column, i) => {
    const square = product(column, column);
    for (let j = 0; j < i; j++) straight[i] -= shares[j][i] * straight[j];
    [...columns, goal].slice(i + 1).forEach((other, j) => {
      const share = product(column, other) / square;
      column.forEach((a, r) => (other[r] -= share * a));
      shares[i][i + 1 + j] = share;
    });
    return shares[i][free.length] + straight[i] / square;
  });
  const step = new Array(nuisances).fill(0);
  for (let i = free.length - 1; i >= 0; i--) {
    step[free[i]] = -reached[i];
    for (let m = i + 1; m < free.length; m++) step[free[i]] -= shares[i][m] * step[free[m]];
  }
  return step;
}

if (typeof module !== "undefined") module.exports = { likelihoodAt, termsAt, chi2At, minimised };
