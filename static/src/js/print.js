// A page with charts goes to paper in light colours, with each chart as wide as the paper leaves it.

const root = document.documentElement;
let before = null;

function toPaper() {
  if (before !== null) return;
  before = root.dataset.theme || "";
  if (before !== "light") {
    root.dataset.theme = "light";
    document.dispatchEvent(new CustomEvent("theme:changed"));
  }
  for (const drawing of document.querySelectorAll(".chart svg.main-svg")) {
    drawing.setAttribute("viewBox", `0 0 ${drawing.width.baseVal.value} ${drawing.height.baseVal.value}`);
  }
}

function toScreen() {
  if (before === null) return;
  for (const drawing of document.querySelectorAll(".chart svg.main-svg")) drawing.removeAttribute("viewBox");
  root.dataset.theme = before;
  if (before !== "light") document.dispatchEvent(new CustomEvent("theme:changed"));
  before = null;
}

window.addEventListener("beforeprint", toPaper);
window.addEventListener("afterprint", toScreen);
