// Draws the API's description with Swagger UI, in the page's own theme; what is tried goes out with the page's session.
/* global SwaggerUIBundle */

const place = document.getElementById("api-reference");
const token = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";

// Swagger UI has a dark theme of its own, which follows a class; the page's follows an attribute.
function follow() {
  document.documentElement.classList.toggle("dark-mode", document.documentElement.dataset.theme === "dark");
}

document.addEventListener("theme:changed", follow);
follow();

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null, // nothing leaves this site
  requestInterceptor(request) {
    const isOwn = new URL(request.url, location.href).origin === location.origin;
    if (isOwn && !["GET", "HEAD"].includes((request.method || "GET").toUpperCase())) {
      request.headers["X-CSRFToken"] = token;
    }
    return request;
  },
});
