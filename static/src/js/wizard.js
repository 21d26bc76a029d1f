// The pages of one import: the columns as they are chosen, the list narrowed, choices kept until they are sent, the dialog.
// Everything is sent as a plain form; nothing here decides what a column is.

const form = () => document.querySelector("form[data-columns]");
const rows = () => [...document.querySelectorAll("[data-column]")];
const number = new Intl.NumberFormat(document.documentElement.lang);

// ---------------------------------------------------------------- what follows from the choices

function role(row) {
  const position = row.dataset.column;
  if (form().elements.identity.value === position) return "identity";
  return form().elements.label.value === position ? "label" : "target";
}

function showRow(row) {
  const now = role(row);
  for (const part of row.querySelectorAll("[data-role]")) part.hidden = part.dataset.role !== now;
  const select = row.querySelector("select");
  const changed = now === "target" && select.value !== select.dataset.first;
  for (const part of row.querySelectorAll("[data-guess]")) part.hidden = changed;
  row.querySelector("[data-chosen]").hidden = !changed;
}

function showRest() {
  const said = form();
  const identity = said.elements.identity.value;
  const rule = identity.startsWith("row_") ? identity : "column";
  for (const part of said.querySelectorAll("[data-rule]")) part.hidden = part.dataset.rule !== rule;
  const notes = said.querySelector("[data-identity-notes]");
  notes.hidden = notes.dataset.identityNotes !== identity;
  const counts = { known: 0, kept: 0, out: 0 };
  const targets = new Set();
  for (const row of rows()) {
    const value = role(row) === "target" ? row.querySelector("select").value : "known";
    targets.add(value);
    counts[value === "ignore" ? "out" : value.startsWith("attribute:") ? "kept" : "known"] += 1;
  }
  const month = said.querySelector("[data-usage-month]");
  const measures = month.dataset.usageMonth.split(" ");
  month.hidden = targets.has("month") || !measures.some((measure) => targets.has(measure));
  const line = said.querySelector("[data-counts]");
  if (line) line.textContent = line.dataset.words.replace(/%(known|kept|out)/g, (_all, name) => number.format(counts[name]));
}

function narrow() {
  const only = document.querySelector("[data-only-doubtful]");
  if (!only) return;
  const wanted = document.querySelector("[data-find]")?.value.trim().toLowerCase() || "";
  let shown = 0;
  for (const row of rows()) {
    row.hidden = (only.checked && !wanted && !("doubtful" in row.dataset)) || !row.dataset.header.includes(wanted);
    shown += !row.hidden;
  }
  const words = document.querySelector("[data-shown]");
  words.hidden = shown === rows().length;
  words.textContent = words.dataset.words.replace("%n", number.format(shown)).replace("%all", number.format(rows().length));
}

// ---------------------------------------------------------------- choices that were not sent yet

// Positions and choices only: no header, and no value of a customer, is kept in the browser.
const KEPT = /^(identity|label|label_rule|empty_clears|usage_month|column_\d+|meaning_\d+)$/;
const OF_VALUES = /^(label_rule|meaning_\d+)$/;
const place = () => `import:${document.querySelector("[data-import]")?.dataset.import}:${form()?.dataset.columns ?? ""}`;

function keep() {
  // What the values mean belongs to the column that they are of; another one's are still on their way.
  const isWhole = form().elements.values_of?.value === form().elements.label.value;
  const said = [...new FormData(form())].filter(([name]) => KEPT.test(name) && (isWhole || !OF_VALUES.test(name)));
  localStorage.setItem(place(), JSON.stringify(Object.fromEntries(said)));
}

function put(said, names) {
  for (const [name, value] of Object.entries(said)) {
    if (!names.test(name)) continue;
    const field = form().elements[name];
    if (field && field.type !== "checkbox") field.value = value;
  }
}

function restore() {
  const said = JSON.parse(localStorage.getItem(place()) || "null");
  if (!said || "refused" in form().dataset) return;
  const before = JSON.stringify([...new FormData(form())]);
  const label = form().elements.label;
  const labelled = label.value;
  put(said, /^(identity|label|usage_month|column_\d+)$/);
  form().elements.empty_clears.checked = "empty_clears" in said;
  if (label.value === labelled) {
    put(said, OF_VALUES);
  } else {
    // The values of another column are asked for first.
    document.addEventListener("htmx:afterSettle", function arrived() {
      // Other parts of the page settle as well, the bell for one: wait for the values of this very column.
      if (form()?.elements.values_of?.value !== form()?.elements.label.value) return;
      document.removeEventListener("htmx:afterSettle", arrived);
      put(said, OF_VALUES);
      showLabel();
      keep();
    });
    label.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form().querySelector("[data-restored]")?.toggleAttribute("hidden", JSON.stringify([...new FormData(form())]) === before);
}

function forget() {
  const beginning = `import:${document.querySelector("[data-import]").dataset.import}:`;
  for (const key of Object.keys(localStorage)) if (key.startsWith(beginning)) localStorage.removeItem(key);
}

// ---------------------------------------------------------------- the page

function showLabel() {
  const values = document.querySelector("[data-label-values]");
  const rule = form()?.elements.label_rule;
  if (values && rule) values.hidden = rule.value === "presence";
}

function begin() {
  if (!document.querySelector("[data-import]")) return;
  if (!form()) return forget();
  for (const row of rows()) {
    const select = row.querySelector("select");
    select.dataset.first = select.value;
  }
  restore();
  rows().forEach(showRow);
  showLabel();
  showRest();
  narrow();
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-only-doubtful]")) return narrow();
  if (!form()?.contains(event.target)) return;
  const row = event.target.closest("[data-column]");
  if (row) showRow(row);
  else rows().forEach(showRow);
  showLabel();
  showRest();
  keep();
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-find]")) narrow();
});

// Enter in the search box narrows the list; it does not send the form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[data-find]")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-choose]");
  if (choice) {
    const select = choice.closest("[data-column]").querySelector("select");
    select.value = choice.dataset.choose;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    select.focus();
  }
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  if (event.target.matches("dialog")) event.target.close(); // beside the box
});

document.addEventListener("DOMContentLoaded", begin); // after htmx, which answers to a choice that is put back
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "job" || event.detail.elt?.id === "job") begin();
});
