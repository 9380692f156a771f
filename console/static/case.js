// The case page: one part in hand, a judgement by a key, what follows at once, and the next case ready before it is asked for.
"use strict";

(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const main = () => $("main[data-case]");
  const LETTERS = { m: "met", n: "not_met", u: "unclear" };
  let next = null, beating = null, shownSince = null;

  /** What has been judged so far, as the form sends it. */
  const chosen = () => new FormData($("#answer"));
  const draftKey = () => `draft:${main().dataset.case}:${main().dataset.number}:${main().dataset.digest}`;

  function keepDraft() {
    const kept = [...chosen()].filter(([name]) => name !== "csrf");
    if (kept.some(([, value]) => value)) sessionStorage.setItem(draftKey(), JSON.stringify(kept));
  }

  /** What was being written before the page was loaded anew, or the session ended. */
  function restoreDraft() {
    const kept = JSON.parse(sessionStorage.getItem(draftKey()) ?? "[]");
    for (const [name, value] of kept)
      for (const field of all(`[name="${CSS.escape(name)}"]`)) {
        if (field.type === "radio") { if (field.value === value) { field.checked = true; judged(field, false); } }
        else if (field.matches("textarea, select") && name !== "notice") field.value = value;
        else if (name === "notice" && value && value !== field.dataset.written) { field.value = value; edit(true); }
      }
  }

  function take(key, { focus = false } = {}) {
    const ask = $(`section.ask[data-ask="${CSS.escape(key)}"]`);
    if (!ask) return;
    for (const other of all("section.ask")) other.classList.toggle("in-hand", other === ask);
    for (const row of all(".parts > li")) row.classList.toggle("hand", row.dataset.key === key);
    for (const term of all("[data-term]")) term.classList.toggle("hand", term.dataset.term === key);
    const laws = all(".law"), law = laws.find((one) => one.dataset.clause === ask.dataset.clause) ?? laws[0];
    for (const one of laws) one.hidden = one !== law;
    $(".parts > li.hand")?.scrollIntoView({ block: "nearest" });
    if (focus) $("input:checked, input", ask)?.focus();
  }

  /** The next part, or the one before; at the ends the key is the browser's again, so that nobody is caught here. */
  function step(by) {
    const asks = all("section.ask"), at = asks.findIndex((ask) => ask.classList.contains("in-hand"));
    const to = asks[at + by];
    if (to) take(to.dataset.ask);
    return Boolean(to);
  }

  /** A part was judged: open what was sealed, and ask what follows. */
  function judged(field, ask = true) {
    const section = field.closest("section.ask"), key = section.dataset.ask;
    const row = all(".parts > li").find((one) => one.dataset.key === key);
    if (row) {
      row.dataset.judged = field.value;
      $(".vd.mine", row).textContent = field.closest("label").querySelector("b").textContent + main().dataset.byYou;
      $(".vd.mine", row).className = `vd mine ${field.value}`;
    }
    const open = all("section.kind-part, section.kind-clause");
    if (open.every((one) => $("input:checked", one))) main().classList.add("unsealed");
    document.body.classList.toggle("judged", main().classList.contains("unsealed") || !main().dataset.sealing);
    if (main().dataset.blind) {
      const rest = all("section.ask").some((one) => !$("input:checked", one));
      $("#decide").setAttribute("aria-disabled", rest ? "true" : "false");
    } else if (ask) { keepDraft(); follow(); }
  }

  async function follow() {
    const answer = await console_.ask(`${main().dataset.path}/foresee`, { method: "POST", form: chosen() });
    if (!answer.ok) return;
    const seen = await answer.json();
    $("#follows").textContent = seen.words;
    $("#decide").setAttribute("aria-disabled", seen.ready ? "false" : "true");
    for (const [key, options] of Object.entries(seen.then))
      for (const [verdict, words] of Object.entries(options)) {
        const gap = $(`section.ask[data-ask="${CSS.escape(key)}"] [data-then="${verdict}"]`);
        if (gap) gap.textContent = words;
      }
    const field = $("#notice");
    if (field && seen.notice !== undefined) {
      $("#letter").textContent = seen.notice || main().dataset.noNotice;
      if (field.value === field.dataset.written) { field.value = seen.notice; }
      field.dataset.written = seen.notice;
    }
  }

  function edit(on = true) {
    const field = $("#notice");
    if (!field) return;
    field.hidden = !on;
    $("#letter").hidden = on;
    if (on) field.focus();
  }

  async function send(path, form, { ended = true } = {}) {
    const before = { path: main().dataset.path, number: main().dataset.number };
    const answer = await console_.ask(path, { method: "POST", form });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) { console_.toast(said.why ?? String(answer.status)); return false; }
    if (!ended) return said;
    sessionStorage.removeItem(draftKey());
    const done = { ...before, told: said.told, undo: said.undo };
    if (await goOn(said.go, done)) console_.announce(done);
    return said;
  }

  /** The next case, from what was fetched beforehand; else by loading its page. */
  async function goOn(path, done) {
    const ready = await next;
    if (!ready || path !== "/next") {
      sessionStorage.setItem("done", JSON.stringify({ ...done, until: Date.now() + (done.undo || 6) * 1000 }));
      location.assign(path);
      return false;
    }
    show(ready);
    history.pushState({}, "", ready.path);
    return true;
  }

  function show({ html }) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const toast = $("#toast");
    document.title = page.title;
    document.body.className = page.body.className;
    document.body.replaceChildren(...page.body.childNodes);
    if (toast) $("#toast")?.replaceWith(toast);
    window.htmx?.process(document.body);
    begin();
  }

  async function fetchNext() {
    const answer = await fetch(`/next?besides=${encodeURIComponent(main().dataset.case)}`, { headers: { "x-asks": "part" } }).catch(() => null);
    if (!answer || answer.status !== 200) return null;
    const html = await answer.text();
    for (const match of html.matchAll(/href="(\/images\/[0-9a-f]{64})"/g)) new Image().src = match[1];
    return { path: answer.headers.get("x-path"), html };
  }

  function beat() {
    clearInterval(beating);
    beating = setInterval(async () => {
      if (!main()?.dataset.mine) return;
      const answer = await fetch(`${main().dataset.path}/lease`, { method: "POST", headers: { "x-asks": "part", "x-csrf": console_.csrf() }, body: new URLSearchParams({ number: main().dataset.number }) }).catch(() => null);
      if (answer?.status === 409) console_.toast((await answer.json()).why);
    }, 60000);
  }

  function begin() {
    if (!main()) return;
    document.body.classList.toggle("judged", !main().dataset.sealing);
    const first = $("section.ask");
    if (first) take(first.dataset.ask);
    restoreDraft();
    next = main().dataset.mine ? fetchNext() : Promise.resolve(null);
    beat();
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("section.ask input")) { take(event.target.closest("section.ask").dataset.ask); judged(event.target); }
    else if (event.target.closest("#answer") || event.target.form?.id === "answer") keepDraft();
  });
  document.addEventListener("input", (event) => { if (event.target.form?.id === "answer") keepDraft(); });

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-take]");
    if (part) take(part.dataset.take, { focus: true });
    if (event.target.closest("[data-edit]")) edit($("#notice").hidden);
    const opener = event.target.closest("[data-reason]");
    if (opener) $(`#skip [value="${opener.dataset.reason}"]`)?.focus();
    if (event.target.closest("#more button")) $("#more").hidePopover();
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!main() || form.id === "take" || form.closest("#sign-in-again") || form.getAttribute("action").endsWith("/consult")) return;
    event.preventDefault();
    if (form.id === "answer") {
      const decide = $("#decide");
      if (decide.getAttribute("aria-disabled") === "true") { console_.toast(main().dataset.judgeFirst); return; }
      const said = new FormData(form, decide);
      const notice = $("#notice");
      if (notice && notice.value === notice.dataset.written) said.delete("notice");
      await send(form.getAttribute("action"), said);
    } else {
      const said = new FormData(form, event.submitter);
      form.closest("dialog")?.close();
      await send(form.getAttribute("action"), said);
    }
  });

  // Pictures are seen while the button is held, and no longer; how long is told, for whoever looks at many.
  function veil(on, at) {
    const figure = at?.closest("figure");
    if (!figure) return;
    figure.classList.toggle("seen", !on);
    if (!on) { shownSince = Date.now(); return; }
    if (shownSince === null) return;
    const seconds = (Date.now() - shownSince) / 1000;
    shownSince = null;
    console_.ask(`${$("main").dataset.path}/seen`, { method: "POST", form: { image: figure.dataset.image, seconds: seconds.toFixed(1) } });
  }
  for (const [name, on] of [["pointerdown", false], ["pointerup", true], ["pointercancel", true], ["pointerout", true]])
    document.addEventListener(name, (event) => { const at = event.target.closest?.("[data-unveil]"); if (at) veil(on, at); });
  document.addEventListener("keydown", (event) => { if (event.key === " " && event.target.matches("[data-unveil]") && !event.repeat) { event.preventDefault(); veil(false, event.target); } });
  document.addEventListener("keyup", (event) => { if (event.key === " " && event.target.matches("[data-unveil]")) veil(true, event.target); });
  document.addEventListener("focusout", (event) => { if (event.target.matches("[data-unveil]")) veil(true, event.target); });

  function within(pane, by) {
    const marks = all("mark.quote", pane), at = marks.indexOf(document.activeElement);
    if (marks.length) marks[(at + by + marks.length) % marks.length].focus();
    else pane.scrollBy({ top: by * 120 });
  }

  document.addEventListener("keydown", (event) => {
    if (!main() || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && event.target.matches("textarea, input")) { event.target.blur(); return; }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.id === "answer") { event.preventDefault(); $("#decide")?.click(); return; }
    if (console_.writing(event)) return;
    const ask = $("section.ask.in-hand");
    const keys = {
      m: () => judge("met"), n: () => judge("not_met"), u: () => judge("unclear"),
      e: () => $("#evidence").focus(), c: () => $("#clause").focus(), g: () => edit(true),
      r: () => { $("#request")?.focus(); }, s: () => $("#skip")?.showModal(),
      j: () => within(document.activeElement.closest(".pane") ?? $("#evidence"), 1),
      k: () => within(document.activeElement.closest(".pane") ?? $("#evidence"), -1),
    };
    function judge(verdict) {
      const field = $(`input[value="${verdict}"]`, ask) ?? all("input", ask)[verdict === "met" ? 0 : verdict === "not_met" ? 1 : 9];
      if (field && !field.closest("fieldset").disabled) { field.checked = true; judged(field); }
    }
    const free = !event.target.closest("button, a, summary, select") || event.target.closest("[data-unveil]");
    if (event.key === "Tab" && !event.target.closest(".pane, dialog, .bar, .dock, .menu") ) { if (step(event.shiftKey ? -1 : 1)) { event.preventDefault(); document.activeElement.blur(); } }
    else if (event.key === "Enter" && free && !event.target.closest("[data-unveil]")) { event.preventDefault(); $("#decide")?.click(); }
    else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  document.addEventListener("keydown", (event) => {
    const dialog = document.querySelector("dialog#skip[open]");
    if (dialog && /^[1-9]$/.test(event.key) && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) all(".reasons button", dialog)[Number(event.key) - 1]?.click();
  });

  window.addEventListener("popstate", () => location.reload());
  document.addEventListener("DOMContentLoaded", begin);
})();
