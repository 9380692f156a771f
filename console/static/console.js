// What every page does: keys, lit quotes, small windows, and a session that ends without taking anything along.
"use strict";

const console_ = {
  csrf: () => document.querySelector("meta[name=csrf]")?.content ?? "",

  /** Ask the console for data or a part of a page. A session that has ended is begun anew, and what was asked is asked again. */
  async ask(path, { method = "GET", form = null } = {}) {
    for (;;) {
      const headers = { "x-asks": "part", "x-csrf": console_.csrf() };
      const answer = await fetch(path, { method, headers, body: form ? new URLSearchParams(form) : null, redirect: "error" });
      if (answer.status !== 401) return answer;
      await console_.signIn();
    }
  },

  /** Sign in over the page as it stands. */
  signIn() {
    const dialog = document.getElementById("sign-in-again");
    if (dialog.open) return new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    dialog.showModal();
    return new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  },

  /** Say something for a while, with an act that it offers. */
  toast(text, act = null) {
    const box = document.getElementById("toast");
    box.querySelector("span").textContent = text;
    const button = box.querySelector("button");
    button.hidden = !act;
    if (act) button.onclick = act.run;
    box.hidden = false;
    clearTimeout(console_.toasting);
    console_.toasting = setTimeout(() => { box.hidden = true; }, act?.ms ?? 6000);
  },

  /** Say what was done, on whatever page comes next; what can be taken back is, by `z`, while its grace lasts. */
  announce(done) {
    if (done) sessionStorage.setItem("done", JSON.stringify({ ...done, until: Date.now() + (done.undo || 6) * 1000 }));
    const last = JSON.parse(sessionStorage.getItem("done") ?? "null");
    if (!last?.told || Date.now() > last.until) return;
    const ms = last.until - Date.now();
    console_.toast(last.told, last.undo ? { run: console_.takeBack, ms } : null);
  },

  async takeBack() {
    const last = JSON.parse(sessionStorage.getItem("done") ?? "null");
    if (!last?.undo || Date.now() > last.until) return;
    sessionStorage.removeItem("done");
    const answer = await console_.ask(`${last.path}/withdraw`, { method: "POST", form: { number: last.number } });
    if (answer.ok) location.assign(last.path);
    else console_.toast((await answer.json().catch(() => ({}))).why ?? "");
  },

  /** Whether a key belongs to a field that is being written in. */
  writing(event) {
    const at = event.target;
    return event.altKey || event.ctrlKey || event.metaKey || at.isContentEditable
      || /^(TEXTAREA|SELECT)$/.test(at.tagName) || (at.tagName === "INPUT" && !/^(radio|checkbox|button|submit)$/.test(at.type));
  },
};

document.documentElement.classList.add("js");

document.addEventListener("htmx:configRequest", (event) => { event.detail.headers["x-csrf"] = console_.csrf(); });
document.addEventListener("htmx:responseError", async (event) => {
  if (event.detail.xhr.status !== 401) {
    let why = "";
    try { why = JSON.parse(event.detail.xhr.responseText).why; } catch { /* no words of ours */ }
    if (why) console_.toast(why);
    return;
  }
  await console_.signIn();
  const { verb, path, target } = event.detail.requestConfig;
  htmx.ajax(verb.toUpperCase(), path, { target });
});

// The same words carry the same number everywhere: pointing at one lights all of them.
function light(event, on) {
  const at = event.target.closest?.("[data-q]");
  if (!at) return;
  for (const lit of document.querySelectorAll("[data-q].lit")) lit.classList.remove("lit");
  if (!on) return;
  const numbers = at.dataset.q.split(" ");
  for (const number of numbers)
    for (const other of document.querySelectorAll(`[data-q~="${number}"]`)) {
      other.classList.add("lit");
      const pane = other.closest(".pane, .law-pane");
      if (event.type === "focusin" && pane && !pane.contains(at)) other.scrollIntoView({ block: "nearest" });
    }
}
document.addEventListener("mouseover", (event) => light(event, true));
document.addEventListener("mouseout", (event) => light(event, false));
document.addEventListener("focusin", (event) => light(event, true));
document.addEventListener("focusout", (event) => light(event, false));

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  const quote = event.target.closest("a.quote");
  if (quote) {
    const target = document.getElementById(quote.hash.slice(1));
    if (target) {
      event.preventDefault();
      for (const around of [target, ...document.querySelectorAll(`mark[data-q~="${quote.dataset.q}"]`)])
        around.closest("details")?.setAttribute("open", "");
      (document.querySelector(`#${CSS.escape(target.id)} mark[data-q~="${quote.dataset.q}"]`) ?? target).scrollIntoView({ block: "center" });
    }
  }
});

document.addEventListener("DOMContentLoaded", () => {
  console_.announce();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  const again = document.querySelector("#sign-in-again form");
  again?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch("/sign-in", { method: "POST", headers: { "x-asks": "part" }, body: new URLSearchParams(new FormData(again)) });
    const said = await answer.json();
    if (!answer.ok) { again.querySelector(".wrong").textContent = said.why; return; }
    const token = await (await fetch("/token", { headers: { "x-asks": "part" } })).json();
    document.querySelector("meta[name=csrf]").content = token.csrf;
    for (const field of document.querySelectorAll("input[name=csrf]")) field.value = token.csrf;
    again.reset();
    again.closest("dialog").close();
  });
});

document.addEventListener("keydown", (event) => {
  if (console_.writing(event) || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const find = document.getElementById("find");
    if (find) { event.preventDefault(); find.focus(); find.select(); }
  } else if (event.key === "z") {
    console_.takeBack();
  } else if (event.key === "?") {
    document.getElementById("all-keys")?.showModal();
  }
});
