// The queue: j and k move, enter opens; the row in hand is the one that has the focus.
"use strict";

document.addEventListener("keydown", (event) => {
  if (console_.writing(event) || document.querySelector("dialog[open]")) return;
  const links = [...document.querySelectorAll(".case-row .qn a")];
  const at = links.indexOf(document.activeElement);
  const step = { j: 1, k: -1 }[event.key];
  if (step && links.length) {
    event.preventDefault();
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))].focus();
  } else if (event.key === "Enter" && (document.activeElement === document.body || document.activeElement.id === "main")) {
    event.preventDefault();
    document.getElementById("claim-next").click();
  }
});
