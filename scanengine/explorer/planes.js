// chi2 over a plane, at once where nothing is hidden, and otherwise from coarse to fine.

const STRIDES = [8, 4, 2, 1];
const FEW_STEPS = 6;
const PROMISE = 1e-4; // of 1 + chi2: what a step must promise to be taken, while a plane is drawn

// Places in the box of the hidden variables to begin at: its middle, and thirds of each that does not enter squared.
function starts(reduced) {
  const H = reduced.hidden.length;
  const K = reduced.likelihood.above.length;
  let places = [new Array(H + K).fill(0)];
  for (let h = 0; h < H; h++) {
    const [low, high] = [reduced.lower[h], reduced.upper[h]];
    const shares = reduced.squared[h] ? [0.02] : H > 4 ? [0.25, 0.75] : [0.15, 0.5, 0.85];
    places = places.flatMap((place) => shares.map((share) => place.with(h, low + share * (high - low))));
  }
  return places.slice(0, 81);
}

// chi2 over values ta (and tb; without hidden variables or nuisances): sums along the line, row by row.
function fillDirectly(reduced, ta, tb, chi2) {
  const { likelihood, line } = reduced;
  const { rows, squares, weightsAbove, weightsBelow, data } = likelihood;
  const n = ta.length;
  for (let j = 0; j < tb.length; j++) {
    fixLine(reduced, tb[j]);
    const out = chi2.subarray(j * n, (j + 1) * n).fill(0);
    for (let r = 0; r < rows; r++) {
      const c0 = line[3 * r];
      const c1 = line[3 * r + 1];
      const c2 = line[3 * r + 2];
      if (r < squares && weightsAbove[r] === 1 && weightsBelow[r] === 1) {
        for (let i = 0; i < n; i++) {
          const mu = c0 + ta[i] * (c1 + ta[i] * c2);
          out[i] += mu * mu;
        }
        continue;
      }
      for (let i = 0; i < n; i++) {
        const mu = c0 + ta[i] * (c1 + ta[i] * c2);
        if (r < squares) {
          out[i] += (mu > 0 ? weightsAbove[r] : weightsBelow[r]) * mu * mu;
        } else if (data[r - squares] === 0) {
          out[i] += 2 * mu + (Math.min(mu, 0) / 1e-5) ** 2;
        } else {
          const ratio = (mu - data[r - squares]) / data[r - squares];
          out[i] += mu > 0 ? 2 * data[r - squares] * (ratio - Math.log1p(ratio)) : NOWHERE;
        }
      }
    }
  }
}

// Minimise at the point that is fixed, from each place in turn; return the lowest chi2 and leave search.u there.
function lowest(reduced, search, places, mostSteps, promise) {
  let best = NOWHERE;
  let at = null;
  for (const place of places) {
    search.u.set(place);
    const found = descend(reduced, search, mostSteps, promise);
    if (found < best) {
      best = found;
      at = search.u.slice();
    }
  }
  if (at) search.u.set(at);
  return best;
}

// Fill a plane of ta.length x tb.length points (whose numbers are 1 + a multiple of 8, or tb.length is 1) step by step:
// a generator that yields {chi2, stride} after each stride, and undefined now and then on the way.
function* fillPlane(reduced, ta, tb) {
  const nx = ta.length;
  const ny = tb.length;
  const chi2 = new Float64Array(nx * ny);
  if (reduced.hidden.length + reduced.likelihood.above.length === 0) {
    fillDirectly(reduced, ta, tb, chi2);
    yield { chi2, stride: 1 };
    return;
  }
  const search = newSearch(reduced);
  const { n } = search;
  const places = new Float64Array(nx * ny * n);
  const everywhere = starts(reduced);
  const begin = (i, j) => places.subarray((j * nx + i) * n, (j * nx + i + 1) * n);
  let before = 0;
  for (const stride of STRIDES) {
    const strideY = ny === 1 ? 1 : stride;
    for (let j = 0; j < ny; j += strideY) {
      fixLine(reduced, tb[j]);
      for (let i = 0; i < nx; i += stride) {
        const coarse = before && i % before === 0 && (ny === 1 || j % before === 0);
        if (coarse) continue;
        fixPoint(reduced, ta[i]);
        const known = [];
        if (before) {
          // the four corners of the coarser cell, or two ends of its edge
          const low = (k, count) => (count === 1 ? 0 : Math.floor(k / before) * before);
          const high = (k, count) => (count === 1 ? 0 : Math.min(Math.ceil(k / before) * before, count - 1));
          for (const y of new Set([low(j, ny), high(j, ny)])) {
            for (const x of new Set([low(i, nx), high(i, nx)])) known.push(begin(x, y));
          }
        } else {
          if (i > 0) known.push(begin(i - stride, j));
          if (j > 0) known.push(begin(i, j - strideY));
        }
        chi2[j * nx + i] = before
          ? fromNeighbours(reduced, search, known)
          : lowest(
              reduced,
              search,
              known.length && (i / stride + j / strideY) % 3 ? known : [...everywhere, ...known],
              FEW_STEPS + 6,
              PROMISE,
            );
        begin(i, j).set(search.u);
      }
      yield undefined;
    }
    if (stride === STRIDES[0]) yield* passOn(reduced, search, ta, tb, stride, strideY, chi2, begin);
    before = stride;
    yield { chi2, stride };
  }
}

// The lowest chi2 from what neighbours have found: where they agree from the middle of it, else from each that differs.
function fromNeighbours(reduced, search, known) {
  const chosen = [];
  for (const place of known) if (chosen.every((u) => isFar(reduced, u, place))) chosen.push(place);
  if (chosen.length > 1) return lowest(reduced, search, chosen, FEW_STEPS, PROMISE);
  const { n, u } = search;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (const place of known) sum += place[i];
    u[i] = sum / known.length;
  }
  return descend(reduced, search, FEW_STEPS, PROMISE);
}

function isFar(reduced, u, v) {
  const { lower, upper } = reduced;
  for (let h = 0; h < lower.length; h++) if (Math.abs(u[h] - v[h]) > 0.15 * (upper[h] - lower[h])) return true;
  return false;
}

// Hand on what a point has found to those behind it, back and forth: none stays above what a neighbour's place gives.
function* passOn(reduced, search, ta, tb, stride, strideY, chi2, begin) {
  const nx = ta.length;
  for (const sign of [-1, 1]) {
    const rows = [];
    for (let j = 0; j < tb.length; j += strideY) rows.push(j);
    for (const j of sign < 0 ? rows.reverse() : rows) {
      fixLine(reduced, tb[j]);
      const columns = [];
      for (let i = 0; i < nx; i += stride) columns.push(i);
      for (const i of sign < 0 ? columns.reverse() : columns) {
        fixPoint(reduced, ta[i]);
        for (const [x, y] of [[i - sign * stride, j], [i, j - sign * strideY]]) {
          if (x < 0 || y < 0 || x >= nx || y >= tb.length) continue;
          if (!isFar(reduced, begin(x, y), begin(i, j))) continue;
          const found = lowest(reduced, search, [begin(x, y)], FEW_STEPS + 6, PROMISE);
          if (found < chi2[j * nx + i]) {
            chi2[j * nx + i] = found;
            begin(i, j).set(search.u);
          }
        }
      }
    }
    yield undefined;
  }
}

// All parameters (as x by name), chi2 and nuisances at a point of the plane, to rounding.
function readPoint(likelihood, a, b, hidden, t, ta, tb) {
  const reduced = reduce(likelihood, a, b, hidden, t);
  fixLine(reduced, tb);
  fixPoint(reduced, ta);
  const search = newSearch(reduced);
  lowest(reduced, search, starts(reduced), 40, 1e-9);
  descend(reduced, search, 200, 1e-15);
  const at = [...t];
  at[a] = ta;
  if (b >= 0) at[b] = tb;
  hidden.forEach((i, h) => (at[i] = hiddenT(reduced, h, search.u[h])));
  const x = {};
  likelihood.names.forEach((name, i) => (x[name] = unscaled(likelihood, i, at[i])));
  return { x, ...minimised(likelihood.document, x) };
}
