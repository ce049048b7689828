// What is taken away from the page: the figure, the scan file of what is shown, the likelihood.

function offer(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function figureText(svg, css) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", SIZE.width);
  copy.setAttribute("height", SIZE.height);
  for (const name of ["tabindex", "role", "aria-labelledby", "aria-describedby"]) copy.removeAttribute(name);
  copy.querySelector("style").textContent = css; // on paper, whatever the page is
  return new XMLSerializer().serializeToString(copy);
}

function savePng(name, text) {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 3 * SIZE.width;
    canvas.height = 3 * SIZE.height;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(url);
    canvas.toBlob((blob) => offer(name, "image/png", blob));
  };
  image.src = url;
}

// The scan file of the plane: hidden parameters that are held become fixed, the others stay axes. What is no parameter
// but a name that ties use stays an axis, of two values beside where it is held. Outer axes, of [name, value], are
// numbers of the file: they are put where their marks are.
function scanFile(given, held, outer) {
  const axes = [];
  const fixed = [...given.fixed];
  for (const [name, line] of Object.entries(given.axes)) {
    const quoted = /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
    if (!(name in held)) axes.push(line);
    else if (!given.free.includes(name)) fixed.push(`${quoted} = ${toml(held[name])}`);
    else axes.push(`${quoted} = { values = [${toml(held[name])}, ${toml(held[name] + 1e-9 * (1 + Math.abs(held[name])))}] }`);
  }
  const base = outer.reduce((text, [name, value]) => text.replaceAll(given.outer[name], toml(value)), given.base);
  return `${base}\n[axes]\n${axes.join("\n")}\n${fixed.length ? `\n[fixed]\n${fixed.join("\n")}\n` : ""}`;
}

const toml = (x) => (Number.isInteger(x) && Math.abs(x) < 1e15 ? x.toFixed(1) : String(x));
