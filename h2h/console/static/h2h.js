// Small and our own: keys, and what changed by itself. The page is whole without it.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("table.rows tbody tr")];
  let here = -1;
  const typing = (at) => /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    all[here]?.classList.remove("here");
    here = Math.min(all.length - 1, Math.max(0, here + by));
    all[here].classList.add("here");
    const link = all[here].querySelector("a");
    (link ?? all[here]).focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const keys = {
      "/": () => document.getElementById("search")?.focus(),
      j: () => step(1),
      k: () => step(-1),
      a: () => document.querySelector("form[data-key=a] [name=reason]")?.focus(),
      "?": () => document.getElementById("keys")?.showModal(),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // Ids are shortened in the middle: what is copied is the whole.
  document.addEventListener("copy", (event) => {
    const at = document.getSelection()?.anchorNode?.parentElement?.closest("code[title]");
    if (at && document.getSelection().toString() === at.textContent) {
      event.clipboardData.setData("text/plain", at.title);
      event.preventDefault();
    }
  });

  // What moved since the page was made is asked for again, and only by a page that is looked at.
  // That is no use of the session (X-Live), which ends as if nothing had been asked.
  const live = () => document.querySelectorAll("[data-live]");
  const refresh = async () => {
    const headers = { accept: "text/html", "X-Live": "1" };
    const answer = await fetch(location.href, { headers });
    if (answer.redirected) { location.reload(); return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.body.dataset.seen = fresh.body.dataset.seen;
    for (const part of live()) {
      if (part.contains(document.activeElement) && typing(document.activeElement)) continue;
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other && other.innerHTML !== part.innerHTML) part.innerHTML = other.innerHTML;
    }
  };
  const gone = document.getElementById("connection");
  if (live().length && gone) {
    let line = null;
    const tell = () => { gone.textContent = gone.dataset.gone; gone.hidden = false; };
    const listen = () => {
      line?.close();
      line = null;
      if (document.hidden) return;
      line = new EventSource(`/events?seen=${document.body.dataset.seen}`);
      line.onmessage = (event) => { if (event.data !== document.body.dataset.seen) refresh(); };
      line.onopen = () => { gone.hidden = true; };
      line.onerror = tell;
      line.addEventListener("ended", () => location.reload());
      line.addEventListener("full", () => { line.close(); tell(); });
    };
    document.addEventListener("visibilitychange", listen);
    listen();
  }
})();
