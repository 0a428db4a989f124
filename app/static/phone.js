/* The customer's phone: the payment sheet, the plate to fill in, and a press that counts once. */
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const inWechat = () => /MicroMessenger/i.test(navigator.userAgent);

  /* ---- htmx ---- */
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = one('meta[name="csrf-token"]')?.content ?? "";
  });
  document.addEventListener("htmx:afterSwap", (event) => start(event.detail.target));

  /* ---- Submit once ---- */
  const releaseAll = () =>
    all("form[data-sent]").forEach((form) => {
      form.removeAttribute("data-sent");
      all(".busy").forEach((button) => {
        button.classList.remove("busy");
        button.removeAttribute("aria-disabled");
      });
    });
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.method !== "post") return;
      if (form.hasAttribute("data-sent")) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      form.setAttribute("data-sent", "");
      event.submitter?.classList.add("busy");
      event.submitter?.setAttribute("aria-disabled", "true");
    },
    true,
  );
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) releaseAll();
  });

  /* ---- The payment sheet of WeChat ---- */
  const whenBridge = (then) => {
    if (window.WeixinJSBridge) then(window.WeixinJSBridge);
    else document.addEventListener("WeixinJSBridgeReady", () => then(window.WeixinJSBridge), { once: true });
  };

  const showOutside = () => {
    const block = one("[data-outside-wechat]");
    if (!block) return;
    block.hidden = false;
    const link = one("[data-this-url]", block);
    if (link) link.textContent = location.href;
    block.focus();
    block.scrollIntoView({ block: "center" });
  };

  let paying = false;
  const pay = () => {
    const sheet = one("#payment-sheet");
    if (!sheet || paying) return;
    if (!inWechat()) {
      showOutside();
      return;
    }
    paying = true;
    whenBridge((bridge) => {
      bridge.invoke("getBrandWCPayRequest", JSON.parse(sheet.textContent), (answer) => {
        paying = false;
        const said = /:(ok|cancel|fail)/.exec(answer?.err_msg ?? "")?.[1] ?? "fail";
        const next = new URL(sheet.dataset.resultUrl, location.href);
        next.searchParams.set("said", said);
        location.replace(next);
      });
    });
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-pay]")) {
      event.preventDefault();
      pay();
    }
  });

  /* ---- 输入车辆编号: six slots over one real input ---- */
  const folded = (text) => text.normalize("NFKC").toUpperCase().replace(/[^A-Z0-9]/g, "");

  const slotsOf = (text) => {
    const digitsAlone = /^\d*$/.test(text) && text !== "";
    const filled = [...(digitsAlone ? text.slice(0, 4).padStart(text.length + 2) : text.slice(0, 6))];
    return { filled, at: Math.min(digitsAlone ? text.length + 2 : text.length, 5) };
  };

  const drawSlots = (entry) => {
    const input = one("input", entry);
    /* Whoever types the letters too has them twice: the prefix was there already. */
    if (/^[A-Z]{3}/.test(folded(input.value))) input.value = folded(input.value).slice(2);
    const { filled, at } = slotsOf(folded(input.value));
    all(".number-slots span", entry).forEach((slot, index) => {
      slot.textContent = (filled[index] ?? "").trim();
      slot.classList.toggle("slot-at", index === at);
    });
  };

  const startEntry = (entry) => {
    const input = one("input", entry);
    one(".number-slots", entry).hidden = false;
    entry.classList.add("has-slots");
    ["input", "focus", "blur"].forEach((kind) => input.addEventListener(kind, () => drawSlots(entry)));
    const toTheEnd = () => {
      if (input.selectionStart === input.selectionEnd) input.setSelectionRange(input.value.length, input.value.length);
    };
    input.addEventListener("focus", () => setTimeout(toTheEnd, 0)); /* unless what stands there is marked to be replaced */
    entry.addEventListener("click", () => input.focus());
    drawSlots(entry);
  };

  /* ---- Start, also of what htmx brought ---- */
  const start = (root) => {
    all("[data-number-entry]:not(.has-slots)", root).forEach(startEntry);
    one("[aria-invalid=true], [data-first-error]", root)?.focus();
    const config = one("#wx-config");
    if (config && window.wx) window.wx.config(JSON.parse(config.textContent));
    if (one("#payment-sheet[data-at-once]", root) && inWechat()) pay();
  };

  const network = () => {
    const bar = one("#offline");
    if (bar) bar.hidden = navigator.onLine;
  };
  window.addEventListener("offline", network);
  window.addEventListener("online", network);
  network();
  start(document);
})();
