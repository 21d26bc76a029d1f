// The builder of rules: groups and conditions that a person clicks together, written as JSON into the form's own field.
// What is shown is the state; nothing here decides whether a rule is right, the server does, and says where it is not.

const INCOMPLETE = new Set(["field_missing", "operator_missing", "value_missing", "text_empty", "list_empty", "empty_group", "not_a_pair"]);
const JOINS = { all: ["all"], any: ["any"], none: ["not", "any"], not_all: ["not", "all"] };
const WITHOUT_VALUE = new Set(["known", "unknown", "some", "nothing"]);
const DEEPEST = 4;

class Builder {
  constructor(place) {
    this.place = place;
    this.source = place.querySelector("textarea[name=conditions]");
    this.canvas = place.querySelector("[data-conditions-builder]");
    this.catalogue = JSON.parse(document.getElementById("conditions-catalogue").textContent);
    this.words = this.template("words").dataset;
    this.fields = new Map(this.catalogue.groups.flatMap((group) => group.fields.map((field) => [field.code, field])));
    this.used = 0;
  }

  start() {
    let rule;
    try {
      rule = this.source.value.trim() ? JSON.parse(this.source.value) : { all: [{}] };
      const root = asGroup(rule);
      if (!root.children.length) root.children.push({});
      this.canvas.replaceChildren(this.group(root, 1));
    } catch {
      return; // not to be drawn: the JSON stays to be changed by hand
    }
    this.canvas.querySelector("[data-remove-group]").hidden = true;
    this.place.querySelector("[data-conditions-source]").hidden = true;
    this.canvas.hidden = false;
    this.first = JSON.stringify(this.read(this.canvas.firstElementChild, []));
    this.write();
    const told = this.place.querySelector("[data-conditions-problems]");
    if (told) this.mark(told, false);
    for (const name of ["input", "change"]) this.canvas.addEventListener(name, (event) => this.changed(event));
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.place.addEventListener("htmx:afterSwap", (event) => this.mark(event.detail.target, true));
  }

  template(name) {
    return this.place.querySelector(`template[data-of=${name}]`).content.firstElementChild.cloneNode(true);
  }

  // ---------------------------------------------------------------- drawing

  group({ join, children }, depth) {
    const made = this.template("group");
    made.dataset.depth = depth;
    made.querySelector("[data-join]").value = join;
    made.querySelector('[data-add="group"]').hidden = depth >= DEEPEST;
    const list = made.querySelector("[data-children]");
    for (const child of children) list.append(isLeaf(child) ? this.row(child) : this.group(asGroup(child), depth + 1));
    return made;
  }

  row(condition) {
    const made = this.template("row");
    const picker = made.querySelector("[data-field]");
    for (const group of this.catalogue.groups) {
      const part = document.createElement("optgroup");
      part.label = group.name;
      part.append(...group.fields.map((field) => new Option(field.name, field.code)));
      picker.append(part);
    }
    const code = condition.field ?? "";
    if (code && !this.fields.has(code)) picker.append(new Option(`${code} ${this.words.gone}`, code));
    picker.value = code;
    made.kept = condition;
    this.drawOperators(made, condition.is);
    this.drawValue(made, condition.value);
    return made;
  }

  drawOperators(row, chosen) {
    const field = this.fields.get(row.querySelector("[data-field]").value);
    const picker = row.querySelector("[data-operator]");
    const offered = field?.operators ?? [];
    picker.replaceChildren(...offered.map((code) => new Option(this.catalogue.operators[code], code)));
    picker.hidden = !field;
    if (offered.includes(chosen)) picker.value = chosen;
    const note = row.querySelector("[data-note]");
    note.hidden = !field?.note;
    note.textContent = field?.note ?? "";
  }

  drawValue(row, value) {
    const field = this.fields.get(row.querySelector("[data-field]").value);
    const operator = row.querySelector("[data-operator]").value;
    const place = row.querySelector("[data-value]");
    const takesNone = !field || WITHOUT_VALUE.has(operator);
    this.used += 1;
    place.replaceChildren(...(takesNone ? [] : valueInputs(field, operator, value, this.words, `condition-${this.used}`)));
  }

  // ---------------------------------------------------------------- what a person does

  changed(event) {
    const row = event.target.closest("[data-row]");
    if (row && event.type === "change" && event.target.matches("[data-field]")) {
      this.drawOperators(row);
      this.drawValue(row);
    } else if (row && event.type === "change" && event.target.matches("[data-operator]")) {
      const field = this.fields.get(row.querySelector("[data-field]").value);
      // What was given stays where the new comparison takes it.
      this.drawValue(row, readValue(field, row.querySelector("[data-value]")));
    }
    if (row) this.clear(row);
    this.write();
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const group = button.closest("[data-group]");
    if (button.dataset.add) {
      const isRow = button.dataset.add === "row";
      const made = isRow ? this.row({}) : this.group({ join: "any", children: [{}] }, Number(group.dataset.depth) + 1);
      group.querySelector(":scope > [data-children]").append(made);
      made.querySelector("[data-field]").focus();
    } else if ("remove" in button.dataset || "removeGroup" in button.dataset) {
      const gone = button.closest("remove" in button.dataset ? "[data-row]" : "[data-group]");
      const parent = gone.parentElement.closest("[data-group]");
      gone.remove();
      parent.querySelector(":scope > div > [data-add=row]").focus();
    } else {
      return;
    }
    this.write();
  }

  // ---------------------------------------------------------------- as JSON

  write() {
    const rule = this.read(this.canvas.firstElementChild, []);
    const text = JSON.stringify(rule);
    if (text === this.source.value) return;
    this.source.value = text;
    const told = this.place.querySelector("[data-conditions-sentence]");
    if (told && text !== this.first) told.hidden = true; // it tells of the rule before
    this.source.form?.dispatchEvent(new CustomEvent("conditions:changed"));
  }

  read(node, path) {
    if ("row" in node.dataset) {
      node.dataset.path = path.join(".");
      const code = node.querySelector("[data-field]").value;
      const field = this.fields.get(code);
      if (!field) return node.kept.field === code ? node.kept : { field: code };
      const operator = node.querySelector("[data-operator]").value;
      if (WITHOUT_VALUE.has(operator)) return { field: code, is: operator };
      return { field: code, is: operator, value: readValue(field, node.querySelector("[data-value]")) };
    }
    const join = JOINS[node.querySelector(":scope > div > [data-join]").value];
    const inner = [...path, ...join];
    node.dataset.path = inner.join(".");
    const children = [...node.querySelector(":scope > [data-children]").children].map((child, place) => this.read(child, [...inner, place]));
    return join.reduceRight((found, key) => ({ [key]: found }), children);
  }

  // ---------------------------------------------------------------- what the server says

  // While somebody is still choosing, what is missing is no fault yet.
  mark(told, isLive) {
    for (const node of this.canvas.querySelectorAll("[data-row], [data-group]")) this.clear(node);
    for (const found of told.querySelectorAll("[data-path]")) {
      if (isLive && INCOMPLETE.has(found.dataset.code)) continue;
      const node = this.at(found.dataset.path);
      if (!node) continue;
      const place = node.querySelector("row" in node.dataset ? "[data-problem]" : ":scope > [data-problem]");
      place.textContent = (found.querySelector("span") ?? found).textContent;
      place.hidden = false;
      if ("row" in node.dataset) {
        for (const input of node.querySelectorAll("[data-value] :is(input, select, textarea)")) input.setAttribute("aria-invalid", "true");
      }
    }
    for (const place of told.querySelectorAll("[data-place]")) place.hidden = true;
  }

  // The condition or group that a path leads into: the longest one that it begins with.
  at(path) {
    const fits = (node) => path === node.dataset.path || path.startsWith(`${node.dataset.path}.`);
    const nodes = [...this.canvas.querySelectorAll("[data-path]")].filter(fits);
    return nodes.sort((one, other) => other.dataset.path.length - one.dataset.path.length)[0] ?? this.canvas.firstElementChild;
  }

  clear(node) {
    const place = node.querySelector("row" in node.dataset ? "[data-problem]" : ":scope > [data-problem]");
    place.hidden = true;
    if (!("row" in node.dataset)) return;
    for (const input of node.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }
}

const isLeaf = (node) => !("all" in node || "any" in node || "not" in node);

// A node as one of the four joins that a group can be shown with.
function asGroup(node) {
  if ("all" in node) return { join: "all", children: node.all };
  if ("any" in node) return { join: "any", children: node.any };
  if (!("not" in node)) return { join: "all", children: [node] };
  const inner = node.not;
  if ("not" in inner) return asGroup(inner.not);
  if ("all" in inner) return { join: "not_all", children: inner.all };
  return { join: "none", children: "any" in inner ? inner.any : [inner] };
}

// ---------------------------------------------------------------- the inputs of a value, by the field's kind and the comparison

function made(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== "") element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const isMeasure = (field) => field.kind === "number" || field.kind === "money";
const oneOf = (value) => (Array.isArray(value) ? value[0] : value) ?? "";

function valueInputs(field, operator, value, words, id) {
  if (operator === "last_days" || operator === "next_days") {
    const days = Number.isInteger(value) ? value : "";
    return [beside(made("input", { class: "input", type: "number", min: 1, step: 1, value: days, "data-as": "number", "aria-label": words.days }), words.days)];
  }
  if (operator === "between") {
    const [low, high] = Array.isArray(value) ? value : [value, ""];
    return [made("div", { class: "grid grid-cols-2 gap-2" }, plain(field, low, words.from, ""), plain(field, high, words.to, field.unit))];
  }
  if (operator === "one_of" || operator === "none_of") return several(field, value, words);
  if (field.kind === "yes_no") return [choice([["true", words.yes], ["false", words.no]], String(value ?? true), words.value, "yes_no")];
  if (isMeasure(field) || field.kind === "date") return [plain(field, oneOf(value), words.value, field.unit)];
  if (field.closed) return [choice([["", words.choose], ...field.values], String(oneOf(value)), words.value, "text")];
  const list = made("datalist", { id }, ...field.values.map(([code, name]) => made("option", { value: code }, name)));
  return [made("input", { class: "input", type: "text", maxlength: 200, value: oneOf(value), list: field.values.length ? id : "", "data-as": "text", "aria-label": words.value, autocomplete: "off" }), list];
}

function plain(field, value, label, unit) {
  const kind = field.kind === "date" ? { type: "date" } : { type: "number", step: field.step, min: field.low, max: field.high, inputmode: "decimal" };
  const input = made("input", { class: "input", ...kind, value: typeof value === "boolean" ? "" : value, "data-as": field.kind === "date" ? "text" : "number", "aria-label": label });
  return unit ? beside(input, unit) : input;
}

function beside(input, words) {
  return made("div", { class: "flex min-w-0 items-center gap-2" }, input, made("span", { class: "shrink-0 text-[0.8125rem] text-ink-3" }, words));
}

function choice(options, value, label, as) {
  const select = made("select", { class: "select", "data-as": as, "aria-label": label }, ...options.map(([code, name]) => new Option(name, code)));
  if (options.some(([code]) => code === value)) select.value = value;
  return select;
}

// Known values to tick; others are written beneath. Where none are known, a value a line.
function several(field, value, words) {
  const given = (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined && one !== "").map(String);
  const known = new Map(field.values);
  const others = given.filter((one) => !known.has(one)).join("\n");
  const boxes = [...known].map(([code, name]) =>
    made("label", { class: "check items-center!" }, tick(code, given.includes(code)), made("span", { class: "min-w-0 truncate" }, name)),
  );
  const parts = [];
  if (boxes.length) parts.push(made("div", { class: "grid max-h-44 gap-1.5 overflow-y-auto rounded-lg border border-line-2 bg-surface px-3 py-2", role: "group", "aria-label": words.value }, ...boxes));
  if (!field.closed && !(field.kind === "segment" && boxes.length)) {
    const hint = boxes.length ? `${words.another} (${words.lines})` : words.lines;
    const lines = made("textarea", { class: "input mt-1", rows: boxes.length ? 1 : 3, "data-as": "lines", "aria-label": hint, placeholder: hint, dir: "auto" });
    lines.value = others;
    parts.push(lines);
  }
  return parts;
}

function tick(code, isTicked) {
  const box = made("input", { class: "mt-0!", type: "checkbox", value: code, "data-as": "tick" });
  box.checked = isTicked;
  return box;
}

// What the inputs say, as the rule's JSON has it; an input left empty is an empty text.
function readValue(field, place) {
  const inputs = [...place.querySelectorAll("[data-as]")];
  if (inputs.some((input) => input.dataset.as === "tick" || input.dataset.as === "lines")) {
    const ticked = inputs.filter((input) => input.checked).map((input) => input.value);
    const lines = inputs.filter((input) => input.dataset.as === "lines").flatMap((input) => input.value.split("\n"));
    return [...new Set([...ticked, ...lines.map((line) => line.trim()).filter(Boolean)])];
  }
  const values = inputs.map((input) => (input.dataset.as === "yes_no" ? input.value === "true" : said(field, input)));
  return values.length > 1 ? values : values[0];
}

// Money stays a text, as it was typed: a number of the script would be a float.
function said(field, input) {
  if (input.dataset.as !== "number" || input.value === "" || field?.kind === "money") return input.value;
  return Number(input.value);
}

// ---------------------------------------------------------------- the page

function begin() {
  for (const place of document.querySelectorAll("[data-conditions]:not([data-started])")) {
    place.dataset.started = "";
    new Builder(place).start();
  }
}

begin();
document.addEventListener("htmx:afterSettle", begin);
