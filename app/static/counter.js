/* The counter's box: always focused, loses no scan, sends one after the other. */
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = one("#scan");
  const box = one("#scan-entry");
  if (!form || !box) return;

  const DIGIT_WAIT_MS = 300; /* a digit followed this soon by another is a number being typed, not a choice */
  const RETRY_MS = 3000;
  const RETRIED = [502, 503, 504]; /* nobody answered: the server is being started anew */
  const TWIN_MS = 400; /* a scanner's second line end must not press a button */
  const queue = [];
  let sending = false;
  let untouched = true; /* nothing was typed since the last scan was taken */
  let lastTakenAt = 0;
  let digitTimer = 0;
  let sound = null;

  /* ---- Focus: back to the box, unless somebody is in another field ---- */
  const busyElsewhere = () => {
    const here = document.activeElement;
    return Boolean(one("dialog[open]")) || (here !== box && Boolean(here?.matches("input, select, textarea, button:focus-visible, a:focus-visible")));
  };
  const focusBox = () => {
    if (busyElsewhere()) return;
    box.focus({ preventScroll: true });
  };
  const takeBox = () => {
    if (one("dialog[open]")) return;
    box.focus({ preventScroll: true });
    box.select();
  };
  document.addEventListener("focusout", () => setTimeout(focusBox, 0));
  document.addEventListener("click", () => setTimeout(focusBox, 0));
  window.addEventListener("focus", focusBox);
  document.addEventListener("close", focusBox, true);

  /* ---- The queue: kept in the tab, so that logging in again loses no scan ---- */
  const KEPT = `scans ${form.action}`;
  const KEPT_MS = 5 * 60_000;
  const scanKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const keep = () => {
    if (queue.length) sessionStorage.setItem(KEPT, JSON.stringify(queue));
    else sessionStorage.removeItem(KEPT);
  };
  const keptBefore = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return kept.filter((scan) => Date.now() - scan.takenAt < KEPT_MS);
  };

  /* What goes with a scan is what the screen shows now, not when its turn comes: the order that is open, its form. */
  const take = (text, { fresh = false } = {}) => {
    const entry = text.trim();
    if (!entry) return;
    const fields = { [box.name]: entry, scan_key: scanKey() };
    if (!fresh) {
      for (const field of all("[name=open_order], [data-kept]")) fields[field.name] = field.value;
    }
    queue.push({ fields, takenAt: Date.now() });
    lastTakenAt = Date.now();
    untouched = true;
    box.value = entry;
    box.select();
    keep();
    drain();
  };

  /* Leaves what is on the screen; its turn comes after the scans before it. */
  const leave = () => {
    one("[name=open_order]")?.remove();
    box.value = "";
    untouched = false;
    queue.push({ takenAt: Date.now() });
    takeBox();
    keep();
    drain();
  };

  const say = () => {
    const waiting = one("[data-waiting]");
    if (waiting) waiting.textContent = queue.length > 1 ? `还有 ${queue.length} 次扫码在送出` : "";
  };

  const drain = async () => {
    if (sending) return;
    sending = true;
    while (queue.length) {
      say();
      const answer = await send(queue[0]);
      if (answer === null) {
        net(false, `网络断开，${queue.length} 次扫码留着，连上就送出`);
        setTimeout(drain, RETRY_MS);
        break;
      }
      queue.shift();
      keep();
      net(true, "网络正常");
      show(answer, queue.length === 0);
    }
    sending = false;
    say();
  };

  /* Text of the answer; null when it did not arrive (the same key is sent again, so that nothing is doubled). */
  const send = async ({ fields }, again = false) => {
    const headers = { "HX-Request": "true", "HX-Target": "answer" };
    try {
      const response = await fetch(form.action, fields ? { method: "POST", body: bodyOf(fields), headers } : { headers });
      const elsewhere = response.headers.get("HX-Redirect");
      if (elsewhere) {
        location.assign(elsewhere);
        return await new Promise(() => {});
      }
      if (response.status === 400 && !again && (await renewToken())) return await send({ fields }, true);
      return RETRIED.includes(response.status) ? null : await response.text();
    } catch {
      return null;
    }
  };

  const bodyOf = (fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    body.set("csrf_token", one("[name=csrf_token]", form).value);
    return body;
  };

  /* A page that stood open since yesterday has an old token; the scan itself is still good. */
  const renewToken = async () => {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const token = one('meta[name="csrf-token"]', page)?.content;
    if (!token) return false;
    one('meta[name="csrf-token"]').content = token;
    for (const field of all("[name=csrf_token]")) field.value = token;
    return true;
  };

  const show = (text, last) => {
    const answer = new DOMParser().parseFromString(text, "text/html");
    const part = one(form.dataset.target, answer) ?? errorPart(answer);
    if (!part) return;
    one(form.dataset.target).replaceWith(document.importNode(part, true));
    for (const around of ["#scans", "#figures"]) {
      const fresh = one(around, answer);
      if (fresh) one(around)?.replaceWith(document.importNode(fresh, true));
    }
    for (const changed of [form.dataset.target, "#scans"]) window.htmx?.process(one(changed));
    settle(last);
  };

  const errorPart = (answer) => {
    const state = one("[data-error-state]", answer);
    if (!state) return null;
    const part = document.createElement("section");
    part.className = "answer answer-refused";
    part.id = "answer";
    part.dataset.answer = "refused";
    part.append(document.importNode(state, true));
    return part;
  };

  const settle = (last, quiet = false) => {
    const answer = one(form.dataset.target);
    if (answer?.dataset.answer === "refused" && !quiet) beep();
    all(".candidate").forEach((choice, at) => choice.classList.toggle("current", at === 0));
    const fault = one("[aria-invalid=true]", answer);
    if (fault) fault.focus();
    else if (last && untouched) takeBox();
  };

  /* ---- Keys ---- */
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(digitTimer);
    if (!untouched) {
      take(box.value);
      return;
    }
    if (queue.length || Date.now() - lastTakenAt < TWIN_MS) return;
    const current = one(".candidate.current");
    const confirm = one("[data-confirm]");
    if (confirm) confirm.click();
    else if (current) choose(current);
    else take(one("[data-again]")?.dataset.scan ?? box.value);
  });

  const choose = (choice) => take(choice.dataset.scan, { fresh: choice.hasAttribute("data-fresh") });

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-scan]");
    const leaves = event.target.closest("[data-leave]");
    if (!choice && !leaves) return;
    event.preventDefault();
    if (choice) choose(choice);
    else leave();
  });

  box.addEventListener("input", () => {
    untouched = false;
    clearTimeout(digitTimer);
    const choice = /^[1-9]$/.test(box.value) && one(`[data-key="${box.value}"]`);
    if (choice) digitTimer = setTimeout(() => choose(choice), DIGIT_WAIT_MS);
  });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || one("dialog[open]")) return;
    if (event.key === "Escape") {
      clearTimeout(digitTimer);
      leave();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const choices = all(".candidate");
      if (!choices.length || document.activeElement !== box) return;
      event.preventDefault();
      const at = choices.findIndex((choice) => choice.classList.contains("current"));
      const next = Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), choices.length - 1);
      choices.forEach((choice, index) => choice.classList.toggle("current", index === next));
      untouched = true;
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const here = document.activeElement;
      if (here !== box && !here?.matches("input, select, textarea")) {
        box.focus(); /* the key itself then goes into the box */
        box.select();
      }
    }
  });

  /* ---- What htmx swapped (the confirm, the waiting for a payment) ---- */
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id !== "sheet") settle(queue.length === 0, requestConfig.verb === "get");
  });

  /* ---- Sound, network, clock ---- */
  const beep = () => {
    const Audio = window.AudioContext ?? window.webkitAudioContext;
    if (!Audio || !navigator.userActivation?.hasBeenActive) return;
    sound ??= new Audio();
    sound.resume();
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    tone.type = "square";
    tone.frequency.setValueAtTime(440, sound.currentTime);
    tone.frequency.setValueAtTime(330, sound.currentTime + 0.15);
    volume.gain.setValueAtTime(0.12, sound.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.4);
    tone.connect(volume).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.4);
  };

  const net = (there, words) => {
    const sign = one("[data-net]");
    if (!sign) return;
    sign.classList.toggle("gone", !there);
    one("[data-net-word]", sign).textContent = words;
  };
  document.addEventListener("network", (event) => {
    net(event.detail.there, event.detail.there ? "网络正常" : "网络断开，扫码会留着");
    if (event.detail.there) drain();
  });

  const shown = one("[data-clock]");
  if (shown) {
    const ahead = Date.parse(shown.dateTime) - Date.now();
    setInterval(() => {
      shown.textContent = new Date(Date.now() + ahead).toLocaleTimeString("zh-CN", {
        hour: "2-digit",
        minute: "2-digit",
        hour12: false,
        timeZone: "Asia/Shanghai",
      });
    }, 5000);
  }

  queue.push(...keptBefore());
  settle(true, queue.length > 0);
  drain();
})();
