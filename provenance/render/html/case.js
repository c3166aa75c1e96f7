"use strict";
const read = id => JSON.parse(document.getElementById(id).textContent);
const { nodes, edges, clusters, names } = read("graph");
const said = read("said");
for (const mark of document.querySelectorAll("i[data-colour]")) mark.style.setProperty("--colour", mark.dataset.colour);

// Accounts: a row opens what is known of it; the drawing and the table choose alike.
const rows = [...document.querySelectorAll("#accounts tr.account")];
let chosen = -1;
function choose(row, open) {
  if (rows[chosen]) rows[chosen].classList.remove("chosen");
  chosen = row;
  if (rows[row]) {
    rows[row].classList.add("chosen");
    if (open) unfold(rows[row], true);
  }
  const status = document.getElementById("status");
  if (status) status.textContent = rows[row] ? said.selected.replace("{name}", names[row]) : said.nothing_selected;
  draw();
}
function unfold(row, open) {
  row.querySelector("button").setAttribute("aria-expanded", String(open));
  row.nextElementSibling.hidden = !open;
}
for (const row of rows) {
  row.querySelector("button").addEventListener("click", () => {
    const open = row.nextElementSibling.hidden;
    unfold(row, open);
    choose(Number(row.dataset.n), false);
  });
}
document.getElementById("search").addEventListener("input", event => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of rows) {
    const fits = !wanted || (row.textContent + row.nextElementSibling.textContent).toLowerCase().includes(wanted);
    row.hidden = !fits;
    if (!fits) row.nextElementSibling.hidden = true;
    else row.nextElementSibling.hidden = row.querySelector("button").getAttribute("aria-expanded") !== "true";
  }
});

// The network.
const MANY = 300;
const canvas = document.getElementById("network");
const opened = new Set(nodes.length > MANY ? [] : clusters.map((_, at) => at));
let view = null, least = 1, near = -1, pending = false, draw = () => {};
if (canvas) {
  const slider = document.getElementById("weight"), closed = document.getElementById("closed");
  slider.max = String(edges.reduce((most, edge) => Math.max(most, edge[2]), 1));
  slider.addEventListener("input", () => {
    least = Number(slider.value);
    document.getElementById("least").textContent = slider.value;
    draw();
  });
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  function whole() {
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (const [, x, y, r] of clusters) {
      left = Math.min(left, x - r - 1); right = Math.max(right, x + r + 1);
      top = Math.min(top, y - r - 1); bottom = Math.max(bottom, y + r + 1);
    }
    const scale = Math.min(canvas.clientWidth / (right - left), canvas.clientHeight / (bottom - top));
    view = { scale, x: (left + right) / 2, y: (top + bottom) / 2 };
  }
  const place = (x, y) => [
    (x - view.x) * view.scale + canvas.clientWidth / 2, (y - view.y) * view.scale + canvas.clientHeight / 2,
  ];
  const size = () => Math.max(4, Math.min(11, view.scale * .3));
  function shape(x, y, rank, r) {
    context.beginPath();
    if (rank >= 3) context.rect(x - r, y - r, 2 * r, 2 * r);
    else if (rank === 2) {
      context.moveTo(x, y - 1.2 * r); context.lineTo(x + 1.1 * r, y + .8 * r); context.lineTo(x - 1.1 * r, y + .8 * r);
      context.closePath();
    } else context.arc(x, y, r, 0, 7);
  }
  function label(text, x, y) {
    context.font = "13px system-ui, sans-serif";
    const width = context.measureText(text).width;
    const at = Math.max(4, Math.min(canvas.clientWidth - width - 12, x + 10));
    context.fillStyle = colour("--ground"); context.fillRect(at - 4, y - 22, width + 8, 20);
    context.strokeStyle = colour("--quiet"); context.lineWidth = 1; context.strokeRect(at - 4, y - 22, width + 8, 20);
    context.fillStyle = colour("--ink"); context.fillText(text, at, y - 7);
  }
  function paint() {
    pending = false;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(canvas.clientWidth * ratio) || canvas.height !== Math.round(canvas.clientHeight * ratio)) {
      canvas.width = Math.round(canvas.clientWidth * ratio); canvas.height = Math.round(canvas.clientHeight * ratio);
    }
    if (!view) whole();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    closed.hidden = nodes.length <= MANY || opened.size === 0;
    context.lineWidth = 1; context.strokeStyle = colour("--quiet"); context.globalAlpha = edges.length > 3000 ? .12 : .35;
    context.beginPath();
    for (const [one, other, weight] of edges) {
      if (weight < least) break;
      if (!opened.has(nodes[one][3])) continue;
      context.moveTo(...place(nodes[one][1], nodes[one][2])); context.lineTo(...place(nodes[other][1], nodes[other][2]));
    }
    context.stroke();
    context.globalAlpha = 1;
    clusters.forEach(([id, cx, cy, radius, fill], at) => {
      if (opened.has(at)) return;
      const [x, y] = place(cx, cy);
      context.beginPath(); context.arc(x, y, Math.max(10, radius * view.scale), 0, 7); context.fillStyle = fill; context.fill();
      context.lineWidth = 2; context.strokeStyle = colour("--ink"); context.stroke();
      label(said.nodes.replace("{name}", id).replace("{count}", nodes.filter(node => node[3] === at).length), x, y);
    });
    const r = size();
    nodes.forEach(([row, nx, ny, at, rank]) => {
      if (!opened.has(at)) return;
      const [x, y] = place(nx, ny);
      if (x < -20 || y < -20 || x > canvas.clientWidth + 20 || y > canvas.clientHeight + 20) return;
      shape(x, y, rank, r); context.fillStyle = clusters[at][4]; context.fill();
      context.lineWidth = row === chosen ? 4 : 1; context.strokeStyle = row === chosen ? colour("--link") : colour("--ground");
      context.stroke();
    });
    for (const at of [nodes.findIndex(node => node[0] === chosen), near]) {
      const node = nodes[at];
      if (node && opened.has(node[3])) label(names[node[0]], ...place(node[1], node[2]));
    }
  }
  draw = () => { if (!pending) { pending = true; requestAnimationFrame(paint); } };
  function nearest(x, y) {
    let best = -1, far = 14;
    nodes.forEach(([, nx, ny, at], index) => {
      if (!opened.has(at)) return;
      const [px, py] = place(nx, ny), apart = Math.hypot(px - x, py - y);
      if (apart < far) { far = apart; best = index; }
    });
    return best;
  }
  const closedAt = (x, y) => clusters.findIndex(([, cx, cy, radius], at) => {
    const [px, py] = place(cx, cy);
    return !opened.has(at) && Math.hypot(px - x, py - y) <= Math.max(10, radius * view.scale);
  });
  function take(x, y) {
    const cluster = closedAt(x, y);
    if (cluster >= 0) { opened.add(cluster); draw(); return; }
    const at = nearest(x, y);
    choose(at >= 0 ? nodes[at][0] : -1, true);
  }
  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const dx = (x - canvas.clientWidth / 2) / view.scale, dy = (y - canvas.clientHeight / 2) / view.scale;
    view = { scale: view.scale * factor, x: view.x + dx - dx / factor, y: view.y + dy - dy / factor };
    draw();
  }
  let from = null, moved = 0;
  const at = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", event => { from = at(event); moved = 0; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", event => {
    const [x, y] = at(event);
    if (!from) { const found = nearest(x, y); if (found !== near) { near = found; draw(); } return; }
    moved += Math.abs(x - from[0]) + Math.abs(y - from[1]);
    view.x -= (x - from[0]) / view.scale; view.y -= (y - from[1]) / view.scale;
    from = [x, y];
    draw();
  });
  canvas.addEventListener("pointerup", event => { if (from && moved < 5) take(...at(event)); from = null; });
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, ...at(event));
  }, { passive: false });
  const STEP = 40;
  const keys = {
    ArrowLeft: () => { view.x -= STEP / view.scale; }, ArrowRight: () => { view.x += STEP / view.scale; },
    ArrowUp: () => { view.y -= STEP / view.scale; }, ArrowDown: () => { view.y += STEP / view.scale; },
    "+": () => zoom(1.25), "-": () => zoom(.8), Enter: () => step(), " ": () => step(),
  };
  function step() {
    const cluster = clusters.findIndex((_, index) => !opened.has(index));
    if (cluster >= 0) { opened.add(cluster); return; }
    const now = nodes.findIndex(node => node[0] === chosen);
    choose(nodes[(now + 1) % nodes.length][0], true);
  }
  canvas.addEventListener("keydown", event => {
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault(); act(); draw();
  });
  document.getElementById("in").addEventListener("click", () => zoom(1.25));
  document.getElementById("out").addEventListener("click", () => zoom(.8));
  document.getElementById("whole").addEventListener("click", () => { whole(); draw(); });
  closed.addEventListener("click", () => { opened.clear(); draw(); });
  new ResizeObserver(() => draw()).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  draw();
}
