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

// chi2 and its first and second derivatives by the nuisances z, in standard deviations; `up` says on which side of zero
// a nuisance is taken to be.
function chi2At(likelihood, terms, z = [], up = z.map((v) => v >= 0)) {
  let chi2 = 0;
  const first = z.map(() => 0);
  const second = z.map(() => z.map(() => 0));
  const add = ([value, slope, curvature], slopes) => {
    chi2 += value;
    const changing = [...slopes.keys()].filter((k) => slopes[k] !== 0);
    for (const k of changing) {
      first[k] += slope * slopes[k];
      for (const j of changing) second[k][j] += curvature * slopes[k] * slopes[j];
    }
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
  return { chi2, first, second };
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
  for (let count = 0; count < 500; count++) {
    const atKink = each.filter((k) => kinked[k] && z[k] === 0);
    const side = (s) => chi2At(likelihood, terms, z, up.map((u, k) => (atKink.includes(k) ? s : u))).first;
    const [rising, falling] = [side(true), side(false)];
    let free = each.filter((k) => !atKink.includes(k) || rising[k] < 0 || falling[k] > 0);
    for (const k of atKink) up[k] = -rising[k] >= falling[k];
    const { chi2, first, second } = chi2At(likelihood, terms, z, up);
    let step = newton(first, second, free);
    for (;;) {
      const backwards = free.filter((k) => atKink.includes(k) && step[k] < 0 === up[k] && step[k] !== 0);
      if (!backwards.length) break;
      free = free.filter((k) => !backwards.includes(k));
      step = newton(first, second, free);
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
        break;
      }
    }
    up = z.map((v, k) => (v !== 0 ? v > 0 : up[k]));
    if (scale <= 1e-14 || (scale === 1 && Math.max(0, ...step.map(Math.abs)) < 1e-9)) {
      return { chi2: chi2At(likelihood, terms, z, up).chi2, pulls: z };
    }
  }
  throw new Error(`no minimum over the nuisances was found at ${JSON.stringify(x)}`);
}

// The step -second^-1 first of the free nuisances, by elimination; zero for the others.
function newton(first, second, free) {
  const rows = free.map((k) => [...free.map((j) => second[k][j]), -first[k]]);
  rows.forEach((row, i) => {
    for (const below of rows.slice(i + 1)) {
      const factor = below[i] / row[i];
      row.forEach((a, j) => (below[j] -= factor * a));
    }
  });
  const step = first.map(() => 0);
  for (let i = free.length - 1; i >= 0; i--) {
    let right = rows[i][free.length];
    for (let j = i + 1; j < free.length; j++) right -= rows[i][j] * step[free[j]];
    step[free[i]] = right / rows[i][i];
  }
  return step;
}

if (typeof module !== "undefined") module.exports = { likelihoodAt, termsAt, chi2At, minimised };
