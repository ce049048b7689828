// chi2 at a point of a plane, minimised over hidden parameters within their ends and over nuisances.

const NOWHERE = 1e300; // where a count with data is not above zero

// A place to search from: the variables u are hidden ones first, then nuisances in standard deviations.
function newSearch(reduced) {
  const n = reduced.hidden.length + reduced.likelihood.above.length;
  return {
    n,
    u: new Float64Array(n),
    trial: new Float64Array(n),
    step: new Float64Array(n),
    here: { gradient: new Float64Array(n), curvature: new Float64Array(n * n) },
    there: { gradient: new Float64Array(n), curvature: new Float64Array(n * n) },
    matrix: new Float64Array(n * n),
    slopes: new Float64Array(n),
    value: new Float64Array(1),
    slope: new Float64Array(reduced.hidden.length),
    free: new Uint8Array(n),
    stopped: new Float64Array(n),
  };
}

// The value of row-template q at hidden variables u, and its slopes: search.value, search.slope.
function evaluateTemplate(reduced, q, u, search) {
  const { point, size, monomials } = reduced;
  const H = reduced.hidden.length;
  const first = q * size;
  const slope = search.slope;
  let value = point[first];
  for (let h = 0; h < H; h++) {
    const c = point[first + 1 + h];
    slope[h] = c;
    value += c * u[h];
  }
  for (let k = 1 + H; k < size; k++) {
    const c = point[first + k];
    if (c === 0) continue;
    const i = monomials[k][0];
    const j = monomials[k][1];
    value += c * u[i] * u[j];
    slope[i] += c * u[j];
    slope[j] += c * u[i];
  }
  search.value[0] = value;
}

// chi2 at u; its gradient, and the sum of squares of slopes that stands for second derivatives, are put into `into`.
function chi2Here(reduced, u, search, into) {
  const { likelihood } = reduced;
  if (likelihood.onlySquares) return sumOfSquares(reduced, u, search, into);
  const { rows, squares, above, below, data, weightsAbove, weightsBelow, logWidths, pulls } = likelihood;
  const H = reduced.hidden.length;
  const K = above.length;
  const { n, slopes, slope, value } = search;
  const { gradient, curvature } = into;
  gradient.fill(0);
  curvature.fill(0);
  let chi2 = 0;
  for (let r = 0; r < rows; r++) {
    evaluateTemplate(reduced, r, u, search);
    let mu = value[0];
    for (let h = 0; h < H; h++) slopes[h] = slope[h];
    for (let k = 0; k < K; k++) {
      const z = u[H + k];
      evaluateTemplate(reduced, (z >= 0 ? above[k] : below[k]) * rows + r, u, search);
      slopes[H + k] = value[0];
      mu += z * value[0];
      for (let h = 0; h < H; h++) slopes[h] += z * slope[h];
    }
    let first;
    let second;
    if (r < squares) {
      const w = mu > 0 ? weightsAbove[r] : weightsBelow[r];
      chi2 += w * mu * mu;
      first = 2 * w * mu;
      second = 2 * w;
    } else {
      const seen = data[r - squares];
      if (seen === 0) {
        const lower = Math.min(mu, 0) / 1e-5;
        chi2 += 2 * mu + lower * lower;
        first = 2 + 2e5 * lower;
        second = mu < 0 ? 2e10 : 0;
      } else {
        if (!(mu > 0)) return NOWHERE;
        const ratio = (mu - seen) / seen;
        chi2 += 2 * seen * (ratio - Math.log1p(ratio));
        first = 2 * (1 - seen / mu);
        second = (2 * seen) / (mu * mu);
      }
    }
    for (let i = 0; i < n; i++) {
      const s = slopes[i];
      if (s === 0) continue;
      gradient[i] += first * s;
      for (let j = 0; j <= i; j++) curvature[i * n + j] += second * s * slopes[j];
    }
  }
  for (const row of pulls) {
    let s = 0;
    for (let k = 0; k < row.length; k++) s += row[k] * u[H + k];
    chi2 += s * s;
    for (let k = 0; k < row.length; k++) {
      gradient[H + k] += 2 * s * row[k];
      for (let j = 0; j <= k; j++) curvature[(H + k) * n + H + j] += 2 * row[k] * row[j];
    }
  }
  for (let k = 0; k < K; k++) {
    const w = logWidths[k];
    if (w === 0) continue;
    const y = w * u[H + k];
    if (!(y > -1)) return NOWHERE;
    chi2 += (2 * (y - Math.log1p(y))) / (w * w);
    gradient[H + k] += (2 * y) / (1 + y) / w;
    curvature[(H + k) * n + H + k] += 2 / (1 + y) ** 2;
  }
  return chi2;
}

// The same where chi2 is a plain sum of squares without nuisances.
function sumOfSquares(reduced, u, search, into) {
  const { point, size, first, second } = reduced;
  const H = reduced.hidden.length;
  const { slopes } = search;
  const { gradient, curvature } = into;
  gradient.fill(0);
  curvature.fill(0);
  let chi2 = 0;
  for (let at = 0; at < point.length; at += size) {
    let mu = point[at];
    for (let h = 0; h < H; h++) {
      const c = point[at + 1 + h];
      slopes[h] = c;
      mu += c * u[h];
    }
    for (let k = 1 + H; k < size; k++) {
      const c = point[at + k];
      const i = first[k];
      const j = second[k];
      mu += c * u[i] * u[j];
      slopes[i] += c * u[j];
      slopes[j] += c * u[i];
    }
    chi2 += mu * mu;
    for (let i = 0; i < H; i++) {
      const s = 2 * slopes[i];
      gradient[i] += mu * s;
      for (let j = 0; j <= i; j++) curvature[i * H + j] += s * slopes[j];
    }
  }
  return chi2;
}

// Lower chi2 from search.u, in place, and return it: Levenberg and Marquardt's steps, within the ends.
function descend(reduced, search, mostSteps, promise) {
  const { n, u, trial, step, free, stopped } = search;
  const H = reduced.hidden.length;
  const { lower, upper } = reduced;
  let chi2 = chi2Here(reduced, u, search, search.here);
  if (n === 0 || chi2 >= NOWHERE) return chi2;
  let damping = 1e-6;
  for (let count = 0; count < mostSteps; count++) {
    const { gradient } = search.here;
    for (let i = 0; i < n; i++) {
      const out = i < H && ((u[i] <= lower[i] && gradient[i] > 0) || (u[i] >= upper[i] && gradient[i] < 0));
      free[i] = out ? 0 : 1;
      stopped[i] = 0;
    }
    let found = NOWHERE;
    for (let tries = 0; tries < 12; tries++) {
      let gain = solve(search, damping);
      for (let again = true, h = 0; again && h < H; h++) {
        // what would leave its ends stops there, and the others make the best of it
        again = false;
        for (let i = 0; i < H; i++) {
          if (!free[i]) continue;
          const to = u[i] + step[i];
          if (to < lower[i] || to > upper[i]) {
            stopped[i] = (to < lower[i] ? lower[i] : upper[i]) - u[i];
            free[i] = 0;
            again = true;
          }
        }
        if (again) gain = solve(search, damping);
      }
      if (gain <= promise * (1 + chi2)) return chi2;
      for (let i = 0; i < n; i++) trial[i] = u[i] + step[i];
      for (let i = 0; i < H; i++) trial[i] = Math.min(Math.max(trial[i], lower[i]), upper[i]);
      found = chi2Here(reduced, trial, search, search.there);
      if (found < chi2) break;
      damping = Math.max(damping * 8, 1e-4);
    }
    if (!(found < chi2)) return chi2;
    u.set(trial);
    [search.here, search.there] = [search.there, search.here];
    chi2 = found;
    damping = Math.max(damping * 0.1, 1e-12);
  }
  return chi2;
}

// Set search.step to what lowers the quadratic model, (C + damping diag C) step = -g, by Cholesky, for the free variables
// while the others make the steps in search.stopped; return what it promises to gain.
function solve(search, damping) {
  const { n, matrix, step, free, stopped } = search;
  const { gradient, curvature } = search.here;
  let largest = 1e-300;
  for (let i = 0; i < n; i++) if (curvature[i * n + i] > largest) largest = curvature[i * n + i];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = free[i] && free[j] ? curvature[i * n + j] : 0;
      if (i === j) sum = free[i] ? sum * (1 + damping) + 1e-12 * largest : 1;
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k] * matrix[j * n + k];
      matrix[i * n + j] = i === j ? Math.sqrt(sum > 1e-14 * largest ? sum : 1e-14 * largest) : sum / matrix[j * n + j];
    }
  }
  for (let i = 0; i < n; i++) {
    let sum = stopped[i];
    if (free[i]) {
      sum = -gradient[i];
      for (let j = 0; j < n; j++) if (!free[j]) sum -= (i > j ? curvature[i * n + j] : curvature[j * n + i]) * stopped[j];
    }
    for (let k = 0; k < i; k++) sum -= matrix[i * n + k] * step[k];
    step[i] = sum / matrix[i * n + i];
  }
  let gain = 0;
  for (let i = n - 1; i >= 0; i--) {
    let sum = step[i];
    for (let k = i + 1; k < n; k++) sum -= matrix[k * n + i] * step[k];
    step[i] = sum / matrix[i * n + i];
  }
  for (let i = 0; i < n; i++) {
    let slope = gradient[i];
    for (let j = 0; j < n; j++) slope += 0.5 * (i > j ? curvature[i * n + j] : curvature[j * n + i]) * step[j];
    gain -= step[i] * slope;
  }
  return gain;
}
