"use strict";
const remembered = (key, value) => {
  try { if (value === undefined) return sessionStorage.getItem(location.pathname + key); sessionStorage.setItem(location.pathname + key, value); } catch { return null; }
};
const keyOf = (cell) => { const raw = cell.dataset.sort ?? cell.textContent; const n = Number(raw); return raw !== "" && !Number.isNaN(n) ? n : raw; };
const compared = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
function sortBy(table, column, direction) {
  const body = table.tBodies[0], sign = direction === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => [keyOf(row.cells[column]), row]);
  const known = rows.filter(([key]) => key !== ""), unknown = rows.filter(([key]) => key === "");
  known.sort((a, b) => sign * compared(a[0], b[0]));
  body.append(...known.map(([, row]) => row), ...unknown.map(([, row]) => row));
  for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction);
}
function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((th, column) => {
    const button = document.createElement("button");
    button.type = "button"; button.append(...th.childNodes); th.append(button);
    button.onclick = () => {
      const direction = th.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
      sortBy(table, column, direction); remembered(table.id, `${column} ${direction}`);
    };
  });
  const before = (remembered(table.id) ?? "").split(" ");
  if (before.length === 2 && before[0] < table.tHead.rows[0].cells.length) sortBy(table, Number(before[0]), before[1]);
}
const unpacked = async (id) => {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};
const ours = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const inColors = (value) => JSON.parse(JSON.stringify(value).replace(/"\$([\w-]+)"/g, (_, name) => JSON.stringify(ours(name))));
function layoutOf(figure) {
  const layout = inColors(figure.layout), axis = { gridcolor: ours("line"), zerolinecolor: ours("line"), linecolor: ours("line"), automargin: true, exponentformat: "e" };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) layout[name] = { ...axis, ...layout[name] };
  return { autosize: true, margin: { l: 48, r: 12, t: 12, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { color: ours("ink"), family: "system-ui, sans-serif", size: 12 }, hoverlabel: { namelength: -1 }, ...layout };
}
async function draw() {
  const places = [...document.querySelectorAll(".plot")];
  if (!places.length || !document.getElementById("plotly")) return;
  const figures = JSON.parse(await unpacked("figures"));
  if (!window.Plotly) { const script = document.createElement("script"); script.textContent = await unpacked("plotly"); document.head.append(script); }
  for (const place of places) {
    const figure = figures[place.id];
    place.replaceChildren(document.createElement("div")); // or it would have no width yet
    await Plotly.newPlot(place, inColors(figure.data), layoutOf(figure), { responsive: true, displayModeBar: false });
    place.parentElement.querySelector("img")?.setAttribute("hidden", "");
  }
  document.documentElement.dataset.drawn = "yes";
}
function follow(seconds) {
  const box = document.getElementById("follow"), age = document.getElementById("age");
  box.checked = remembered("follow") !== "no";
  box.onchange = () => remembered("follow", box.checked ? "yes" : "no");
  const written = Date.parse(document.body.dataset.written);
  const tell = () => {
    const old = Math.round((Date.now() - written) / 1000);
    age.textContent = old > Math.max(300, 5 * seconds) ? `, ${Math.round(old / 60)} min ago: the session may have ended` : "";
  };
  tell();
  setInterval(() => { tell(); if (box.checked) location.reload(); }, 1000 * seconds);
}
document.querySelectorAll("table.sortable").forEach(makeSortable);
draw().catch((error) => { document.documentElement.dataset.drawn = String(error); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
if (document.body.dataset.refresh) follow(Number(document.body.dataset.refresh));
