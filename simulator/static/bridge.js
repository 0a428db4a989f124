/* WeixinJSBridge as the simulated WeChat provides it. Loaded before the real jweixin; asks the simulator for everything. */
(() => {
  "use strict";

  const origin = new URL(document.currentScript.src).origin;
  const fetchJson = window.fetch.bind(window);
  // no word of a platform: jweixin sends its report to WeChat's servers only from phones that it recognises
  const userAgent =
    "Mozilla/5.0 (Linux; U; Simulated) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36" +
    " MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN";
  Object.defineProperty(window.navigator, "userAgent", { get: () => userAgent, configurable: true });

  const listeners = new Map();
  let allowed = null; // the names that wx.config was granted; null before

  const post = async (path, asked) => {
    const answer = await fetchJson(origin + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify(asked),
    });
    return answer.json();
  };

  /* ---- what WeChat draws over the page ---- */

  const rules = `
    :host { all: initial; }
    dialog, [role="alert"] {
      font: 17px/26px "PingFang SC", "HarmonyOS Sans SC", "MiSans", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
      font-variant-numeric: tabular-nums; color: #171d26; background: #fff; border: 0; box-sizing: border-box;
    }
    dialog {
      position: fixed; inset: auto 0 0; width: 100%; max-width: 480px; margin: 0 auto; max-height: 90vh; overflow: auto;
      border-radius: 12px 12px 0 0; padding: 20px 20px calc(20px + env(safe-area-inset-bottom));
    }
    dialog::backdrop { background: rgb(0 0 0 / 0.5); }
    dialog.scanner { inset: 0; height: 100%; max-height: none; border-radius: 0; color: #fff; background: #171d26; }
    .scanner h2, .scanner label { color: #c9cfd8; }
    .scanner input { color: #171d26; }
    .view { height: 40vh; margin: 24px 0; border: solid #7bd8a2; border-width: 2px 0; }
    h2 { font-size: 17px; font-weight: 500; margin: 0; text-align: center; color: #5d6470; }
    p { margin: 4px 0; text-align: center; }
    .amount { font-size: 40px; line-height: 56px; font-weight: 600; }
    .fact { display: flex; justify-content: space-between; gap: 16px; margin: 8px 0; text-align: left; }
    .fact span:first-child { color: #5d6470; flex: none; }
    .fact span:last-child { text-align: right; overflow-wrap: anywhere; }
    label { display: block; margin: 16px 0 4px; color: #5d6470; }
    input { box-sizing: border-box; width: 100%; min-height: 48px; padding: 8px 12px; font: inherit; color: inherit;
      background: #fff; border: 1px solid #8a94a3; border-radius: 8px; }
    button { display: block; width: 100%; min-height: 48px; margin: 12px 0 0; border: 0; border-radius: 8px; font: inherit;
      font-weight: 500; color: #171d26; background: #f2f3f5; cursor: pointer; }
    button.primary { color: #fff; background: #067d3c; }
    button:disabled { cursor: default; color: #5d6470; background: #f2f3f5; }
    :focus-visible { outline: 2px solid #067d3c; outline-offset: 2px; }
    [role="alert"] { position: fixed; left: 50%; top: 40%; transform: translateX(-50%); z-index: 2147483647;
      max-width: 280px; margin: 0; padding: 16px 20px; border-radius: 12px; color: #fff; background: #2b323c; }
    [role="alert"]:empty { display: none; }
  `;

  const element = (name, { text, ...properties } = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    made.append(...children);
    return made;
  };

  let shade = null;
  let notice = null;
  const layer = () => {
    if (shade === null) {
      const host = element("div", { lang: "zh-CN" });
      shade = host.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      shade.adoptedStyleSheets = [sheet];
      notice = element("p", { role: "alert" });
      shade.append(notice);
      document.body.append(host);
    }
    return shade;
  };

  let silence = 0;
  const say = (words) => {
    layer();
    notice.textContent = words;
    clearTimeout(silence);
    silence = setTimeout(() => { notice.textContent = ""; }, 4000);
  };

  /* Shows a dialog until a button's `answer` (or Esc: `otherwise`) is chosen; focus goes in, and back to where it was. */
  const ask = ({ title, body, buttons, otherwise, look = "" }) =>
    new Promise((resolve) => {
      const before = document.activeElement;
      const heading = element("h2", { id: "title", text: title });
      const dialog = element("dialog", { role: "dialog", class: look, "aria-modal": "true", "aria-labelledby": "title" }, heading, ...body);
      const end = (answer) => {
        dialog.close();
        dialog.remove();
        if (before instanceof HTMLElement) before.focus();
        resolve(answer);
      };
      for (const { word, answer, primary, needs } of buttons) {
        const button = element("button", { type: "button", text: word, ...(primary ? { class: "primary", autofocus: "" } : {}) });
        const press = () => (needs?.value === "" ? needs.focus() : end(answer));
        button.addEventListener("click", press);
        needs?.addEventListener("keydown", (event) => { if (event.key === "Enter") press(); });
        dialog.append(button);
      }
      dialog.addEventListener("cancel", (event) => { event.preventDefault(); end(otherwise); });
      layer().append(dialog);
      dialog.showModal();
    });

  const fact = (name, value) => element("p", { class: "fact" }, element("span", { text: name }), element("span", { text: value }));
  const yuan = (fen) => "¥" + (fen / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  /* ---- what a page can ask for; each answers with WeChat's err_msg ---- */

  const pay = async (asked) => {
    const order = await post("/_sim/bridge/pay", asked);
    if (order.err_msg) {
      say(order.err_desc);
      return order;
    }
    const outcome = await ask({
      title: "微信支付",
      body: [
        element("p", { class: "amount", text: yuan(order.amount_fen) }),
        fact("商户", order.merchant),
        fact("商品", order.description),
        fact("付款人", order.payer),
      ],
      buttons: [
        { word: "支付", answer: "ok", primary: true },
        { word: "失败", answer: "fail" },
        { word: "取消", answer: "cancel" },
      ],
      otherwise: "cancel",
    });
    const done = await post("/_sim/pay/" + encodeURIComponent(order.prepay_id), { outcome });
    if (done.error) say({ expired: "该订单已过期", paid: "该订单已支付", closed: "该订单已关闭" }[done.error] || done.error);
    return { err_msg: done.err_msg || "get_brand_wcpay_request:fail" };
  };

  const preverify = async (asked) => {
    const answer = await post("/_sim/bridge/preverify", {
      url: location.href,
      appId: asked.verifyAppId,
      timestamp: asked.verifyTimestamp,
      nonceStr: asked.verifyNonceStr,
      signature: asked.verifySignature,
    });
    if (answer.err_msg === "system:ok") allowed = new Set(asked.verifyJsApiList || []);
    return answer;
  };

  const scan = async (asked) => {
    const field = element("input", { id: "scanned", autocomplete: "off", autofocus: "" });
    const view = element("div", { class: "view", "aria-hidden": "true" });
    const answer = await ask({
      title: "扫一扫",
      look: "scanner",
      body: [view, element("label", { for: "scanned", text: "扫到的内容" }), field],
      buttons: [
        { word: "扫到了", answer: "ok", primary: true, needs: field },
        { word: "取消", answer: "cancel" },
      ],
      otherwise: "cancel",
    });
    if (answer === "cancel") return { err_msg: "scanQRCode:cancel" };
    if (!asked.needResult && /^https?:/.test(field.value)) location.assign(field.value);
    return { err_msg: "scanQRCode:ok", resultStr: field.value };
  };

  const locate = async () => {
    const answer = await ask({
      title: "允许获取你的位置吗",
      body: [element("p", { text: "模拟的位置：紫金港校区" })],
      buttons: [
        { word: "允许", answer: "ok", primary: true },
        { word: "拒绝", answer: "cancel" },
      ],
      otherwise: "cancel",
    });
    if (answer === "cancel") return { err_msg: "geo_location:cancel" };
    return { err_msg: "geo_location:ok", latitude: 30.3087, longitude: 120.0832, speed: 0, accuracy: 30 };
  };

  const told = (name, words) => async () => {
    if (words) say(words);
    return { err_msg: `${name}:ok` };
  };

  const acts = {
    preVerifyJSAPI: preverify,
    getBrandWCPayRequest: pay,
    scanQRCode: scan,
    geoLocation: locate,
    checkJsApi: async (asked) => ({
      err_msg: "checkJsApi:ok",
      checkResult: Object.fromEntries((asked.jsApiList || []).map((name) => [name, name in acts])),
    }),
    getNetworkType: async () => ({ err_msg: "network_type:wifi" }),
    openLocation: async (asked) => {
      say(`微信会打开地图：${asked.name || `${asked.latitude}, ${asked.longitude}`}`);
      return { err_msg: "openLocation:ok" };
    },
    imagePreview: told("imagePreview", "微信会打开这张图片"),
    closeWindow: told("closeWindow", "微信会关掉这个页面"),
  };
  for (const name of [
    "hideOptionMenu", "showOptionMenu", "hideMenuItems", "showMenuItems", "hideAllNonBaseMenuItem",
    "showAllNonBaseMenuItem", "hideToolbar", "showToolbar", "updateTimelineShareData", "updateAppMessageShareData",
    "shareTimeline", "sendAppMessage",
  ]) acts[name] = told(name);

  const free = new Set(["preVerifyJSAPI", "getBrandWCPayRequest", "checkJsApi", "getNetworkType", "closeWindow", "imagePreview"]);

  const invoke = (name, asked, callback) => {
    const answer = (result) => callback && callback(result);
    if (!(name in acts)) return answer({ err_msg: `${name}:function not exist` });
    if (!free.has(name) && !(allowed && allowed.has(name))) return answer({ err_msg: "system:access_denied" });
    return acts[name](asked || {}).then(answer, () => answer({ err_msg: `${name}:fail` }));
  };

  window.WeixinJSBridge = {
    invoke,
    on: (name, callback) => { listeners.set(name, [...(listeners.get(name) || []), callback]); },
    call: (name) => { if (name in acts) invoke(name, {}, null); },
  };
  const ready = () => document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
