// What another share of customers would earn: reads the curve's points from the page, and tells what lies under the slider.
/* global Plotly */

const panel = document.querySelector("[data-profit]");
const points = JSON.parse(document.getElementById("profit-points")?.textContent || "null");
const YOURS = 2; // the trace of the figure that follows the slider

function start() {
  const slider = panel.querySelector("input[type=range]");
  const language = document.documentElement.lang || "en";
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const shares = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  // Three digits, as the page's sentences: the fourth of an expectation would only pretend.
  const about = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  const money = (amount) => `${about.format(amount).replace("-", "−")}\u00a0${points.currency}`;
  const say = (words, values) => words.replace(/\{([a-z]+)\}/g, (all, name) => values[name] ?? all);
  const steps = Number(slider.max);

  // On a straight line between points, as the page's own figures are.
  function at(count, values) {
    const right = Math.max(1, points.customers.findIndex((customers) => customers >= count));
    const [from, to] = [points.customers[right - 1], points.customers[right]];
    return values[right - 1] + ((values[right] - values[right - 1]) * (count - from)) / (to - from);
  }

  function show(count) {
    const profit = at(count, points.profit);
    const less = points.best.profit - profit;
    const isBest = count === points.best.customers;
    const told = {
      share: shares.format(count / points.rows),
      customers: whole.format(count),
      leavers: whole.format(at(count, points.leavers)),
      profit: money(profit),
    };
    told.difference = isBest ? panel.dataset.isBest : say(panel.dataset.less, { amount: money(less) });
    for (const place of panel.querySelectorAll("[data-figure]")) place.textContent = told[place.dataset.figure];
    slider.setAttribute("aria-valuetext", say(panel.dataset.words, told));
    const figure = document.getElementById("profit-expected");
    if (typeof Plotly !== "undefined" && figure?.data) {
      Plotly.restyle(figure, { x: [[(100 * count) / points.rows]], y: [[profit]] }, [YOURS]);
    }
  }

  function toBest() {
    slider.value = Math.round((steps * points.best.customers) / points.rows);
    show(points.best.customers);
  }

  slider.addEventListener("input", () => show(Math.round((Number(slider.value) * points.rows) / steps)));
  panel.querySelector("[data-profit-best]").addEventListener("click", toBest);
  // Drawn anew in another theme, the figure's mark is back at the best share.
  document.addEventListener("theme:changed", () => requestAnimationFrame(() => slider.dispatchEvent(new Event("input"))));
  panel.hidden = false;
  toBest();
}

if (panel && points && points.customers.length > 1) start();
