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
  const TAKES_TEXT = "input:not([type=checkbox], [type=radio]), select, textarea";
  const SENDS = ".btn[data-key][type=submit]:not([data-scan])"; /* its digit only marks it: it may be the beginning of a number */
  const PRESSED_BY_SPACE = "button, [type=checkbox], [type=radio]";
  const MARK_BEFORE_NUMBER = /^[1-9](?=\D|\d{4}$|1\d{10}$)/; /* a whole number follows the digit of a button that was not pressed */
  const queue = [];
  let sending = false;
  let untouched = true; /* nothing was typed since the last scan was taken */
  let shownText = box.value; /* what was taken last */
  let lastTakenAt = 0;
  let digitTimer = 0;
  let sound = null;

  /* ---- Focus: back to the box, unless somebody is in another field ---- */
  const busyElsewhere = () => {
    const here = document.activeElement;
    const kept = `${TAKES_TEXT}, :is(button, a, [type=checkbox]):focus-visible`;
    return Boolean(one("dialog[open]")) || (here !== box && Boolean(here?.matches(kept)));
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

  /* What goes with a scan is what the screen shows now, not when its turn comes: what is open, and its form. */
  const take = (text, { fresh = false } = {}) => {
    const entry = text.trim();
    if (!entry) return;
    const fields = { [box.name]: entry, scan_key: scanKey() };
    if (!fresh) {
      for (const field of all("[data-kept]")) fields[field.name] = field.value;
    }
    queue.push({ fields, takenAt: Date.now() });
    lastTakenAt = Date.now();
    untouched = true;
    box.value = shownText = entry;
    box.select();
    keep();
    drain();
  };

  /* Leaves what is on the screen; its turn comes after the scans before it. */
  const leave = () => {
    all("input[type=hidden][data-kept]").forEach((open) => open.remove());
    box.value = shownText = "";
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
    const fault = one("[aria-invalid=true]", answer);
    if ((answer?.dataset.answer === "refused" || answer?.hasAttribute("data-problem") || fault) && !quiet) beep();
    if (answer?.dataset.answer === "done" && untouched) box.value = shownText = ""; /* 回车 behind a receipt asks for nothing */
    all(".candidate").forEach((choice, at) => choice.classList.toggle("current", at === 0));
    if (fault?.matches(TAKES_TEXT)) fault.focus();
    else if (last && untouched) takeBox();
  };

  /* ---- Keys ---- */
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(digitTimer);
    const keyed = untouched ? null : keyedBy(box.value);
    if (keyed) {
      press(keyed);
      if (keyed.matches(`${SENDS}, [type=checkbox]`)) goOn();
    } else if (untouched) goOn();
    else take(withoutMark(box.value));
  });

  /* 回车 in the untouched box. */
  const goOn = () => {
    if (queue.length || Date.now() - lastTakenAt < TWIN_MS) return;
    const current = one(".candidate.current");
    const confirm = one(".btn.current") ?? one("[data-confirm]");
    if (confirm) confirm.click();
    else if (current) choose(current);
    else take(one("[data-again]")?.dataset.scan ?? box.value);
  };

  const choose = (choice) => take(choice.dataset.scan, { fresh: choice.hasAttribute("data-fresh") });

  const keyedBy = (text) => (/^[1-9]$/.test(text) ? one(`[data-key="${text}"]`) : null);

  /* Where a digit only marks a button, it stays in the box until 回车: a scan instead of 回车 is the scan alone. */
  const withoutMark = (text) => {
    const mark = MARK_BEFORE_NUMBER.exec(text)?.[0];
    return mark && keyedBy(mark)?.matches(SENDS) ? text.slice(1) : text;
  };

  /* A digit was a key and no number: the box shows again what was scanned before it. */
  const press = (keyed) => {
    untouched = true;
    box.value = shownText;
    box.select();
    if (keyed.dataset.scan) choose(keyed);
    else if (!keyed.matches(SENDS)) keyed.click();
  };

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-scan]");
    const leaves = event.target.closest("[data-leave]");
    if (!choice && !leaves) return;
    event.preventDefault();
    if (choice) choose(choice);
    else leave();
  });

  /* A missing tick was set: what was said of it is over. */
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[type=checkbox][aria-invalid]")) return;
    document.getElementById(target.getAttribute("aria-describedby"))?.remove();
    target.removeAttribute("aria-invalid");
    target.removeAttribute("aria-describedby");
  });

  box.addEventListener("input", () => {
    untouched = false;
    clearTimeout(digitTimer);
    const keyed = keyedBy(box.value);
    all(SENDS).forEach((button) => button.classList.toggle("current", button === keyed));
    if (keyed && !keyed.matches(SENDS)) digitTimer = setTimeout(() => press(keyed), DIGIT_WAIT_MS);
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
      if (event.key === " " && here?.matches(PRESSED_BY_SPACE)) return;
      if (here !== box && !here?.matches(TAKES_TEXT)) {
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
