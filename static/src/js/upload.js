// The upload form: a file dropped on the area, its name shown, and how much of it has left this machine.

const form = document.querySelector("form[data-upload]");
if (form) {
  const input = form.querySelector("input[type=file]");
  const area = form.querySelector(".drop");
  const name = form.querySelector("[data-file-name]");
  const sending = form.querySelector("[data-sending]");
  const bar = sending.querySelector("progress");
  const button = form.querySelector("button[type=submit]");

  for (const type of ["dragenter", "dragover"]) area.addEventListener(type, () => area.classList.add("is-over"));
  for (const type of ["dragleave", "drop"]) area.addEventListener(type, () => area.classList.remove("is-over"));

  const size = (bytes) => {
    const unit = bytes >= 1e6 ? ["megabyte", 1e6] : ["kilobyte", 1e3];
    return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: unit[0], maximumFractionDigits: 1 }).format(bytes / unit[1]);
  };
  input.addEventListener("change", () => {
    const file = input.files[0];
    name.textContent = file ? `${file.name} · ${size(file.size)}` : name.dataset.empty;
  });

  // htmx sends the form (hx-post, multipart) and tells how far it is.
  form.addEventListener("htmx:xhr:loadstart", () => {
    sending.hidden = false;
    button.disabled = true;
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    if (event.detail.lengthComputable) {
      bar.max = event.detail.total;
      bar.value = event.detail.loaded;
    }
  });
  form.addEventListener("htmx:afterRequest", () => {
    sending.hidden = true;
    button.disabled = false;
  });
}
