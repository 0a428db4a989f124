/* Staff and counter pages: what HTML cannot do by itself. Every page works without it. */
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const csrf = () => one('meta[name="csrf-token"]')?.content ?? "";

  /* ---- htmx: CSRF on every request, short links, errors in their place ---- */
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, headers, parameters, verb } = event.detail;
    headers["X-CSRFToken"] = csrf();
    if (elt.matches("[data-filter-panel]")) delete parameters.range; /* from and to say it already */
    if (verb === "get") {
      for (const name of Object.keys(parameters)) {
        if (parameters[name] === "") delete parameters[name];
      }
    }
  });

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, target } = event.detail;
    const answer = new DOMParser().parseFromString(xhr.responseText, "text/html");
    const state = one("[data-error-state]", answer) ?? plainError();
    showInPlace(target, document.importNode(state, true));
  });

  const plainError = () => {
    const state = document.createElement("div");
    state.className = "blank blank-error";
    const title = document.createElement("p");
    title.className = "blank-title";
    title.textContent = "没能完成";
    const text = document.createElement("p");
    text.className = "blank-text";
    text.textContent = "内容没有变，稍后再试一次。";
    state.append(title, text);
    return state;
  };

  const showInPlace = (target, state) => {
    const holder = document.createElement("div");
    holder.className = "state-inline";
    holder.setAttribute("role", "alert");
    holder.append(state);
    const place = target?.id === "sheet" ? openSheet(target) : target;
    if (!place) return;
    all(":scope > .state-inline", place).forEach((old) => old.remove());
    place.prepend(holder);
    holder.scrollIntoView({ block: "nearest" });
  };

  /* The form of a sheet that stands on a page of its own is answered where it stands. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = event;
    const form = detail.requestConfig.elt;
    if (detail.target.id !== "sheet" || !form.matches("form.sheet") || detail.target.contains(form)) return;
    detail.target = form;
    detail.swapOverride = "outerHTML";
  });

  document.addEventListener("htmx:sendError", () => network(false));

  document.addEventListener("htmx:afterSwap", (event) => {
    shownAt = new Date();
    const { target } = event.detail;
    if (target.id === "sheet") openSheet(target);
    focusFirstError(target.isConnected ? target : event.target); /* outerHTML: what came in its place */
    releaseAll();
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    network(event.detail.xhr.status !== 0 || navigator.onLine);
    releaseAll();
  });

  /* ---- Sheet: a dialog that the browser keeps the focus in and gives it back from ---- */
  const openSheet = (dialog) => {
    if (!dialog.open) dialog.showModal();
    const first = one("[aria-invalid=true]", dialog) ?? one("[autofocus]", dialog) ?? one("input:not([type=hidden]), select, textarea, [type=submit]", dialog);
    first?.focus();
    return dialog;
  };

  const sheet = one("#sheet");
  sheet?.addEventListener("close", () => sheet.replaceChildren());
  sheet?.addEventListener("mousedown", (event) => {
    if (event.target === sheet) sheet.close(); /* the backdrop */
  });

  document.addEventListener("click", (event) => {
    const closes = event.target.closest?.("[data-closes]");
    if (closes && sheet?.open) {
      event.preventDefault();
      sheet.close();
    }
  });

  /* ---- A sheet about money: its button repeats the amount, the hint says what is left ---- */
  const fenOf = (typed) => {
    const plain = typed.normalize("NFKC").replace(/[¥元,\s]/g, "");
    return /^\d{1,12}(\.\d{1,2})?$/.test(plain) ? Math.round(Number(plain) * 100) : null;
  };
  const yuan = (fen) => `¥${(fen / 100).toLocaleString("en-US", { minimumFractionDigits: 2 })}`;

  document.addEventListener("input", (event) => {
    const box = event.target.closest?.("[data-most-fen]");
    const word = box && one(".sheet-foot [type=submit] span", box.form);
    if (!word) return;
    const fen = fenOf(box.value);
    const left = Number(box.dataset.mostFen) - fen;
    word.textContent = word.textContent.replace(/ ?¥.*$/, "") + (fen === null ? "" : ` ${yuan(fen)}`);
    one("[data-amount-left]", box.form).textContent =
      fen === null || left < 0 ? `最多 ${yuan(Number(box.dataset.mostFen))}` : `退后剩余 ${yuan(left)}`;
  });

  /* What is ticked comes to so much: the sheet's button repeats it. */
  document.addEventListener("change", (event) => {
    const group = event.target.closest?.("[data-sums]");
    const word = group && one(".sheet-foot [type=submit] span", event.target.form);
    if (!word) return;
    const fen = all(":checked", group).reduce((sum, box) => sum + Number(box.dataset.fen), 0);
    word.textContent = word.textContent.replace(/ ?¥.*$/, "") + (fen ? ` ${yuan(fen)}` : "");
  });

  /* ---- First error of a form ---- */
  const focusFirstError = (root) => {
    if (!root?.querySelector) return;
    const wrong = one("[aria-invalid=true]", root) ?? (one("[autofocus]", root) ? null : one("[data-first-error]", root));
    wrong?.focus();
  };

  /* ---- Submit once ---- */
  const release = (form) => {
    form.removeAttribute("data-sent");
    all(".busy", form).forEach((button) => {
      button.classList.remove("busy");
      button.removeAttribute("aria-disabled");
    });
  };
  const releaseAll = () => all("form[data-sent]").forEach(release);

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.method !== "post" || form.id === "scan") return; /* counter.js queues scans, also without a network */
      if (document.body.classList.contains("is-offline") || form.hasAttribute("data-sent")) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      if (!form.hasAttribute("data-once")) return;
      form.setAttribute("data-sent", "");
      const pressed = event.submitter ?? one("[type=submit]", form);
      pressed?.classList.add("busy");
      pressed?.setAttribute("aria-disabled", "true");
    },
    true,
  );

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) releaseAll();
  });

  /* ---- Filter panel ---- */
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-filter-panel] button[name=range]");
    if (!button) return;
    event.preventDefault();
    const form = button.form;
    form.elements.namedItem("from").value = button.dataset.from;
    form.elements.namedItem("to").value = button.dataset.to;
    changed(form);
  });

  const markRange = (form) => {
    const from = form.elements.namedItem("from")?.value;
    const to = form.elements.namedItem("to")?.value;
    for (const button of all("button[name=range]", form)) {
      button.setAttribute("aria-pressed", String(button.dataset.from === from && button.dataset.to === to));
    }
  };

  /* Typing has fetched already; leaving the box would fetch once more. */
  document.addEventListener(
    "change",
    (event) => {
      if (event.target.matches?.("[data-filter-panel] input[type=search]")) event.stopPropagation();
    },
    true,
  );

  const changed = (form) => form.dispatchEvent(new Event("change", { bubbles: true }));

  document.addEventListener("change", (event) => {
    const panel = event.target.closest?.("[data-filter-panel]");
    if (panel) markRange(panel);
    if (event.target.matches?.("[data-submits]") && event.target.form) changed(event.target.form);
  });

  /* Chinese being composed is not yet typed. */
  document.addEventListener(
    "input",
    (event) => {
      if (event.isComposing) event.stopPropagation();
    },
    true,
  );
  document.addEventListener("compositionend", (event) => {
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  /* ---- Keys ---- */
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
    const box = one("[data-slash]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });

  /* ---- Menus close when something was chosen, on Esc, and on a click elsewhere ---- */
  const closeMenus = (kept) => all("details.menu[open]").filter((menu) => menu !== kept).forEach((menu) => (menu.open = false));
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
  document.addEventListener("submit", () => closeMenus());
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" ? one("details.menu[open]") : null;
    if (!menu) return;
    one("summary", menu).focus();
    closeMenus();
  });

  /* ---- Network ---- */
  let shownAt = new Date();
  const clock = (moment) =>
    moment.toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });

  const network = (there) => {
    document.body.classList.toggle("is-offline", !there);
    const bar = one("#offline");
    if (bar) {
      bar.hidden = there;
      one("[data-shown-at]", bar).textContent = clock(shownAt);
    }
    all("form[method=post] [type=submit]:not(.busy)").forEach((button) => {
      if (there) button.removeAttribute("aria-disabled");
      else button.setAttribute("aria-disabled", "true");
    });
    document.dispatchEvent(new CustomEvent("network", { detail: { there } }));
  };
  window.addEventListener("offline", () => network(false));
  window.addEventListener("online", () => network(true));
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-reconnect]")) {
      event.preventDefault();
      location.reload();
    }
  });

  /* ---- Snack: ten seconds, longer while somebody is on it ---- */
  const SNACK_MS = 10_000;
  const keepSnack = (snack) => {
    let timer = setTimeout(() => snack.remove(), SNACK_MS);
    snack.addEventListener("pointerenter", () => clearTimeout(timer));
    snack.addEventListener("focusin", () => clearTimeout(timer));
    snack.addEventListener("pointerleave", () => {
      timer = setTimeout(() => snack.remove(), SNACK_MS);
    });
  };

  all("[data-snack]").forEach(keepSnack);
  focusFirstError(document);
  if (!navigator.onLine) network(false);
})();
