// Behaviour that every page shares: theme buttons, the bell's clock, toasts, addresses without empty parameters.

const root = document.documentElement;

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === (root.dataset.themeChoice || "auto")));
  }
}
document.addEventListener("theme:changed", showTheme);
showTheme();

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-set]");
  if (theme) document.dispatchEvent(new CustomEvent("theme:choose", { detail: theme.dataset.themeSet }));
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.closest(".toast")?.remove();
  if (event.target.closest("[data-print]")) window.print();
});

// The bell asks once a minute, and not at all while nobody looks.
const MINUTE = 60_000;
let asked = Date.now();
function ring() {
  if (document.visibilityState !== "visible" || Date.now() - asked < MINUTE) return;
  asked = Date.now();
  document.body.dispatchEvent(new CustomEvent("bell"));
}
setInterval(ring, MINUTE / 4);
document.addEventListener("visibilitychange", ring);

// Pages that show how things stand right now look again every five seconds, and not at all while nobody looks.
const GLANCE = 5_000;
setInterval(() => {
  if (document.visibilityState === "visible") document.body.dispatchEvent(new CustomEvent("glance"));
}, GLANCE);

for (const toast of document.querySelectorAll(".toast:not(.toast-error)")) setTimeout(() => toast.remove(), 8_000);

// A filter left empty, or at what holds without it, does not stand in the address.
const says = (form, name, value) => value !== "" && form?.elements?.[name]?.dataset?.default !== value;
document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") return;
  for (const [name, value] of [...event.detail.formData.entries()]) {
    if (!says(event.detail.elt.closest("form"), name, value)) event.detail.formData.delete(name);
  }
});
document.addEventListener("submit", (event) => {
  if (event.target.method !== "get" || event.target.hasAttribute("hx-get")) return;
  for (const field of event.target.elements) field.disabled ||= Boolean(field.name) && !says(event.target, field.name, field.value);
});

// A select that narrows the list looks set as soon as it is.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-neutral]")) {
    event.target.classList.toggle("is-set", event.target.value !== event.target.dataset.neutral);
  }
});

// When the server cannot be reached, say so instead of nothing.
document.body.addEventListener("htmx:sendError", () => {
  const note = document.getElementById("offline");
  if (note) note.hidden = false;
});
document.body.addEventListener("htmx:afterOnLoad", () => {
  const note = document.getElementById("offline");
  if (note) note.hidden = true;
});
