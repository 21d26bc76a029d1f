// The editor of a message: placeholders go where the cursor is, a fault leads to its place, the preview follows what is written.

const form = document.querySelector("[data-message]");

function start() {
  const preview = form.querySelector("[data-preview]");
  let last = null; // where something was written last

  const language = () => form.querySelector("[data-language]:checked").value;
  const field = (name) => form.elements[name];

  form.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-wording]")) last = event.target;
  });

  function insert(words) {
    const target = last?.dataset.wording === language() ? last : field(`text_${language()}`);
    target.focus();
    target.setRangeText(words, target.selectionStart, target.selectionEnd, "end");
    target.dispatchEvent(new Event("input", { bubbles: true }));
    isChanged = true;
  }

  function lead({ place, line, column }) {
    const target = field(place);
    if (!target) return;
    target.closest("details")?.setAttribute("open", "");
    const lines = target.value.split("\n");
    const before = lines.slice(0, line - 1).reduce((length, one) => length + one.length + 1, 0);
    const at = Math.min(before + Number(column) - 1, target.value.length);
    const word = /^\{[^}\s]*\}|^\S+/.exec(target.value.slice(at))?.[0].length ?? 0;
    target.focus();
    target.setSelectionRange(at, at + word);
  }

  form.addEventListener("click", (event) => {
    const placeholder = event.target.closest("[data-insert]");
    if (placeholder) insert(placeholder.dataset.insert);
    const place = event.target.closest("[data-place]");
    if (place) lead(place.dataset);
  });

  // A frame that is new has no page before it, so that looking at a mail does not fill the browser's history.
  let isChanged = false;
  let isSaving = false;
  form.addEventListener("submit", (event) => {
    isSaving = event.submitter !== preview;
    if (isSaving) return;
    const frame = form.querySelector("[data-frame]");
    const fresh = frame.cloneNode();
    fresh.removeAttribute("src");
    frame.replaceWith(fresh);
  });

  // Whatever changed, in a wording or in who reads it, is shown as soon as the field is left.
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-wording]")) isChanged = true;
    if (event.target.matches("[data-wording], [data-language], [name=customer], [name=offer]")) form.requestSubmit(preview);
  });
  form.addEventListener("htmx:afterSwap", () => form.requestSubmit(preview)); // another customer was found

  // What came back with faults is not saved yet: it is what the preview shows, and what leaving the page would lose.
  if (form.querySelector("[role=alert]")) {
    isChanged = true;
    form.requestSubmit(preview);
  }

  window.addEventListener("beforeunload", (event) => {
    if (isChanged && !isSaving) event.preventDefault();
  });
}

if (form) start();
