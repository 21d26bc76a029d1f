// The upload form: a file dropped on the area, its name shown, and how much of it has left this machine.
// Listens on the document, because a refused file brings a new form.

const part = (event, selector) => event.target.closest("form[data-upload]")?.querySelector(selector);

for (const [type, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(type, (event) => event.target.closest?.(".drop")?.classList.toggle("is-over", over));
}

function size(bytes) {
  const [unit, step] = bytes >= 1e6 ? ["megabyte", 1e6] : ["kilobyte", 1e3];
  const words = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: 1 });
  return words.format(bytes / step);
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("form[data-upload] input[type=file]")) return;
  const file = event.target.files[0];
  const name = part(event, "[data-file-name]");
  name.textContent = file ? `${file.name} · ${size(file.size)}` : name.dataset.empty;
});

// htmx sends the form (hx-post, multipart) and tells how far it is.
function sending(event, busy) {
  const bar = part(event, "[data-sending]");
  if (!bar) return;
  bar.hidden = !busy;
  part(event, "button[type=submit]").disabled = busy;
}
document.addEventListener("htmx:xhr:loadstart", (event) => sending(event, true));
document.addEventListener("htmx:afterRequest", (event) => sending(event, false));
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = part(event, "[data-sending] progress");
  if (!bar || !event.detail.lengthComputable) return;
  bar.max = event.detail.total;
  bar.value = event.detail.loaded;
});
