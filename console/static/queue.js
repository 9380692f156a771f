// The queue: j and k move, enter opens; the row in hand is the one that has the focus.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll(".case-row .qn a")];
  let toFirst = false;

  document.addEventListener("keydown", (event) => {
    if (event.target.id === "find" && event.key === "Enter") {
      // What was sought is found: on to the first of it.
      event.preventDefault();
      toFirst = true;
      htmx.trigger("#facets", "submit");
      return;
    }
    if (console_.writing(event) || document.querySelector("dialog[open]")) return;
    const links = rows(), at = links.indexOf(document.activeElement), step = { j: 1, k: -1 }[event.key];
    if (step && links.length) {
      event.preventDefault();
      links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))].focus();
    } else if (event.key === "Enter" && (document.activeElement === document.body || document.activeElement.id === "main")) {
      event.preventDefault();
      document.getElementById("claim-next").click();
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (toFirst) rows()[0]?.focus();
    toFirst = false;
  });
})();
