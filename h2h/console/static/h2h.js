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

  const live = () => document.querySelectorAll("[data-live]");
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of live()) {
      if (part.contains(document.activeElement) && typing(document.activeElement)) continue;
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other && other.innerHTML !== part.innerHTML) part.innerHTML = other.innerHTML;
    }
  };
  const gone = document.getElementById("connection");
  if (live().length && gone) {
    const line = new EventSource(`/events?seen=${document.body.dataset.seen}`);
    line.onmessage = refresh;
    line.onopen = () => { gone.hidden = true; };
    line.onerror = () => { gone.textContent = gone.dataset.gone; gone.hidden = false; };
  }
})();
