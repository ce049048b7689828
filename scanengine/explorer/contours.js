// Where values on a grid are at most a level: marching squares, closed along the grid's border.

// Return {fill, line} of where values - minimum is at most `height`: SVG path data in pixels; px (nx) and py (ny) are the grid's places, values[j * nx + i] (with
// `stride` only every so-many-th point is there). `fill` is closed, `line` leaves the border out.
function region(values, nx, ny, stride, px, py, minimum, height) {
  // a frame of points that are outside lies on the border itself, so that regions are closed there
  const columns = [-1];
  for (let i = 0; i < nx; i += stride) columns.push(i);
  columns.push(nx);
  const rows = [-1];
  for (let j = 0; j < ny; j += stride) rows.push(j);
  rows.push(ny);
  const clampX = (i) => Math.min(Math.max(i, 0), nx - 1);
  const clampY = (j) => Math.min(Math.max(j, 0), ny - 1);
  const width = columns.length;
  const count = rows.length;
  // the root of Delta chi2 is nearly linear beside a minimum or a band
  const root = (chi2) => Math.sqrt(Math.max(chi2 - minimum, 0)) - Math.sqrt(height);
  const v = new Float64Array(width * count).fill(Infinity);
  for (let b = 1; b < count - 1; b++) {
    for (let a = 1; a < width - 1; a++) v[b * width + a] = root(values[rows[b] * nx + columns[a]]);
  }
  const inside = (k) => v[k] <= 0;
  // where the level crosses the edge from grid point k to the next one along x (kind 0) or y (kind 1)
  const crossing = (k, kind) => {
    const a = k % width;
    const b = (k - a) / width;
    const other = kind === 0 ? k + 1 : k + width;
    let share = v[k] / (v[k] - v[other]);
    if (!Number.isFinite(v[k])) share = 1;
    if (!Number.isFinite(v[other])) share = 0;
    const x0 = px[clampX(columns[a])];
    const y0 = py[clampY(rows[b])];
    const x1 = kind === 0 ? px[clampX(columns[a + 1])] : x0;
    const y1 = kind === 1 ? py[clampY(rows[b + 1])] : y0;
    return [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
  };
  // each cell joins crossed edges in pairs; an edge is 2 k + kind
  const joined = new Map();
  const join = (from, to) => {
    for (const [one, two] of [[from, to], [to, from]]) {
      const there = joined.get(one);
      if (there) there.push(two);
      else joined.set(one, [two]);
    }
  };
  for (let b = 0; b < count - 1; b++) {
    for (let a = 0; a < width - 1; a++) {
      const k = b * width + a;
      const corners =
        (inside(k) ? 1 : 0) | (inside(k + 1) ? 2 : 0) | (inside(k + width + 1) ? 4 : 0) | (inside(k + width) ? 8 : 0);
      if (corners === 0 || corners === 15) continue;
      const bottom = 2 * k;
      const left = 2 * k + 1;
      const right = 2 * (k + 1) + 1;
      const top = 2 * (k + width);
      if (corners === 5 || corners === 10) {
        const middle = v[k] + v[k + 1] + v[k + width] + v[k + width + 1] <= 0;
        const first = (corners === 5) === middle;
        join(left, first ? top : bottom);
        join(right, first ? bottom : top);
        continue;
      }
      const edges = [];
      if (((corners >> 0) & 1) !== ((corners >> 1) & 1)) edges.push(bottom);
      if (((corners >> 1) & 1) !== ((corners >> 2) & 1)) edges.push(right);
      if (((corners >> 2) & 1) !== ((corners >> 3) & 1)) edges.push(top);
      if (((corners >> 3) & 1) !== ((corners >> 0) & 1)) edges.push(left);
      join(edges[0], edges[1]);
    }
  }
  return trace(joined, crossing, (edge) => isFrame(edge, width, count));
}

// Whether an edge reaches the frame: its crossing lies on the border.
function isFrame(edge, width, count) {
  const kind = edge & 1;
  const k = edge >> 1;
  const a = k % width;
  const b = (k - a) / width;
  return kind === 0 ? a === 0 || a === width - 2 : b === 0 || b === count - 2;
}

function trace(joined, crossing, onFrame) {
  let fill = "";
  let line = "";
  const loops = [];
  while (joined.size) {
    const [start] = joined.keys();
    const loop = [];
    let edge = start;
    let from = -1;
    do {
      loop.push(edge);
      const next = joined.get(edge);
      joined.delete(edge);
      const to = next[0] !== from || next.length === 1 ? next[0] : next[1];
      from = edge;
      edge = to;
    } while (edge !== start && joined.has(edge));
    loops.push(loop);
  }
  for (const loop of loops) {
    const points = loop.map((edge) => crossing(edge >> 1, edge & 1).map((x) => x.toFixed(1)).join(" "));
    fill += `M${points.join("L")}Z`;
    let drawing = false;
    for (let i = 0; i <= loop.length; i++) {
      const here = i % loop.length;
      const previous = (i + loop.length - 1) % loop.length;
      const along = i > 0 && onFrame(loop[here]) && onFrame(loop[previous]);
      line += (i === 0 || along || !drawing ? "M" : "L") + points[here];
      drawing = true;
    }
  }
  return { fill, line };
}
