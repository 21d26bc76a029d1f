// Draws every figure of the page (core/templatetags/ui.py, tag "chart"). Colours in a figure are names of roles;
// here they become the theme's colours, and are set anew when the theme changes.
/* global Plotly */

const ROLES = {
  accent: "--accent",
  "accent-soft": "--accent-soft",
  high: "--high",
  medium: "--medium",
  low: "--low",
  muted: "--chart-muted",
  text: "--ink-2",
  grid: "--grid",
  surface: "--surface",
  moved: "--moved",
  stayed: "--stayed",
  ...Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`series-${n + 1}`, `--series-${n + 1}`])),
};
const COLOUR_KEYS = new Set(["color", "fillcolor", "bgcolor", "bordercolor", "linecolor", "gridcolor", "zerolinecolor", "colors"]);

function palette() {
  const style = getComputedStyle(document.documentElement);
  const found = Object.fromEntries(Object.entries(ROLES).map(([role, name]) => [role, style.getPropertyValue(name).trim()]));
  return { ...found, raised: style.getPropertyValue("--raised").trim(), ink: style.getPropertyValue("--ink").trim(), line: style.getPropertyValue("--line-2").trim() };
}

function painted(value, colours, key) {
  if (Array.isArray(value)) return value.map((item) => painted(item, colours, key));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, painted(item, colours, name)]));
  }
  return COLOUR_KEYS.has(key) && Object.hasOwn(colours, value) ? colours[value] : value;
}

function axis(given, colours) {
  const title = given.title?.text ? { text: given.title.text, standoff: 10, font: { size: 12, color: colours.text } } : undefined;
  return {
    automargin: true, fixedrange: true, ticklabeloverflow: "allow", zeroline: false, gridcolor: colours.grid, linecolor: colours.grid, tickfont: { size: 11.5 }, ...given, title,
  };
}

function layout(figure, colours, language) {
  const given = painted(figure.layout || {}, colours);
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colours.text },
    margin: { l: 0, r: 4, t: 10, b: 0, pad: 4 },
    bargap: 0.28,
    barcornerradius: 4,
    separators: language.startsWith("fr") ? ",\u202f" : ".,",
    hoverlabel: { bgcolor: colours.raised, bordercolor: colours.line, font: { color: colours.ink, size: 12.5 }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } },
    ...given,
    ...(given.polar ? { polar: { ...given.polar, bgcolor: "rgba(0,0,0,0)" } } : {}),
    ...Object.fromEntries(Object.keys(given).filter((name) => /^[xy]axis\d*$/.test(name)).map((name) => [name, axis(given[name], colours)])),
  };
}

// Plotly's own export draws through a blob address, which the content security policy refuses; a data address is fine.
async function savePng(element) {
  const box = element.getBoundingClientRect();
  const scale = 2;
  const address = await Plotly.toImage(element, { format: "svg", width: box.width, height: box.height });
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = box.width * scale;
  canvas.height = box.height * scale;
  const pen = canvas.getContext("2d");
  pen.fillStyle = palette().surface;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const link = document.createElement("a");
  link.download = `${element.id}.png`;
  link.href = canvas.toDataURL("image/png");
  link.click();
}

function draw(element) {
  const source = document.getElementById(element.dataset.chart);
  if (!source || typeof Plotly === "undefined") return;
  const figure = JSON.parse(source.textContent);
  const colours = palette();
  const language = document.documentElement.lang || "en";
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: "hover",
    scrollZoom: false,
    doubleClick: false,
    modeBarButtons: [[{ name: "png", title: document.body.dataset.exportPng || "PNG", icon: Plotly.Icons.camera, click: () => savePng(element) }]],
  };
  const look = layout(figure, colours, language);
  look.modebar = { bgcolor: "rgba(0,0,0,0)", color: colours.muted, activecolor: colours.accent };
  Plotly.react(element, painted(figure.data, colours), look, config);
  if (element.dataset.bound) return;
  element.dataset.bound = "yes";
  // A bar, a point, a tick: its customdata is the list behind it.
  element.on("plotly_click", (event) => {
    const address = event.points?.[0]?.customdata;
    if (typeof address === "string" && address.startsWith("/") && !address.startsWith("//")) window.location.assign(address);
  });
  element.on("plotly_hover", (event) => {
    const address = event.points?.[0]?.customdata;
    element.classList.toggle("cursor-pointer", typeof address === "string" && address.startsWith("/"));
  });
  element.on("plotly_unhover", () => element.classList.remove("cursor-pointer"));
}

function drawAll(within = document) {
  for (const element of within.querySelectorAll("[data-chart]")) draw(element);
}

drawAll();
document.addEventListener("theme:changed", () => drawAll());
document.body.addEventListener("htmx:load", (event) => drawAll(event.detail.elt));
