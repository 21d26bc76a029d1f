// Sets the theme before the first paint. Classic and blocking on purpose: a module would run too late and flash.
// The key and its values ("light", "dark", "auto") are those of Django's admin, so both follow one choice.
(function () {
  var media = window.matchMedia("(prefers-color-scheme: dark)");
  function wanted() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch (error) {
      return "auto";
    }
  }
  function apply() {
    var choice = wanted();
    document.documentElement.dataset.theme = choice === "auto" ? (media.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.themeChoice = choice;
    document.dispatchEvent(new CustomEvent("theme:changed"));
  }
  media.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("theme:choose", function (event) {
    try {
      localStorage.setItem("theme", event.detail);
    } catch (error) {
      document.documentElement.dataset.themeChoice = event.detail;
    }
    apply();
  });
  apply();
})();
