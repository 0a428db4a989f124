/* 扫码: fills the field of a form[data-scan] from a QR code and sends the form. Typing into it works without this. */
(() => {
  "use strict";

  const { nonce, dataset } = document.currentScript;
  const one = (selector, root = document) => root.querySelector(selector);

  const LONGEST_MS = 60_000;
  const EVERY_MS = 120;
  const MOST_PIXELS = 640; /* of a side; enough for a label in the middle of the picture */

  const AIM = "把二维码放进框里，扫到就自动往下走。";
  const TOO_LONG = "一分钟没有扫到，摄像头关了。再扫一次，或者直接输入编号。";
  const NO_SCANNER = "微信没能打开扫一扫，直接输入编号。";
  const NO_CAMERA = "这台设备没有摄像头，直接输入编号。";
  const REFUSED = "没有得到摄像头的允许。直接输入编号，或者在浏览器的设置里允许以后再扫。";
  const BROKEN = "摄像头现在用不了，直接输入编号。";
  const WHY = { NotAllowedError: REFUSED, NotFoundError: NO_CAMERA, OverconstrainedError: NO_CAMERA };

  const pause = (milliseconds) => new Promise((then) => setTimeout(then, milliseconds));

  /* ---- Reading a picture ---- */
  const load = (src) =>
    new Promise((then, failed) => {
      const script = Object.assign(document.createElement("script"), { nonce, src, onload: then, onerror: failed });
      document.head.append(script);
    });

  /* Some browsers name the detector and cannot use it: one picture is tried first. */
  const readerOfTheBrowser = async () => {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    const read = async (picture) => (await detector.detect(picture))[0]?.rawValue;
    await read(new ImageData(8, 8));
    return read;
  };

  const ourReader = async () => {
    if (!window.jsQR) await load(dataset.decoder);
    return ({ data, width, height }) => window.jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data;
  };

  /* The square in the middle of the picture: what the panel shows. */
  const pictures = (video) => {
    const canvas = document.createElement("canvas");
    const drawing = canvas.getContext("2d", { willReadFrequently: true });
    return () => {
      const { videoWidth: width, videoHeight: height } = video;
      const side = Math.min(width, height);
      const size = Math.min(side, MOST_PIXELS);
      canvas.width = canvas.height = size;
      drawing.drawImage(video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, size, size);
      return drawing.getImageData(0, 0, size, size);
    };
  };

  /* ---- A form ---- */
  const start = (form) => {
    const input = form.elements[form.dataset.scan];
    const button = one("[data-scan-open]", form);
    const panel = one("[data-scan-panel]", form);
    const said = one("[data-scan-said]", form);
    const video = one("video", panel);
    const wayOut = one("button", panel);

    const found = (text) => {
      input.value = text;
      one("[type=submit]", form).click();
    };

    const scanInWechat = () =>
      window.wx.scanQRCode({
        needResult: 1,
        scanType: ["qrCode"],
        success: ({ resultStr }) => found(resultStr),
        fail: () => {
          said.textContent = NO_SCANNER;
          input.focus();
        },
      });

    const scanByCamera = async () => {
      const ended = new AbortController();
      const { signal } = ended;
      let stream = null;
      const stop = () => stream?.getTracks().forEach((track) => track.stop());
      const end = (words, focus) => {
        if (signal.aborted) return;
        ended.abort();
        clearTimeout(patience);
        stop();
        video.srcObject = null;
        panel.hidden = true;
        button.hidden = false;
        said.textContent = words;
        focus.focus();
      };
      const leave = () => end("", button);
      const patience = setTimeout(() => end(TOO_LONG, button), LONGEST_MS);
      wayOut.addEventListener("click", leave, { signal });
      document.addEventListener("keydown", (event) => event.key === "Escape" && leave(), { signal });
      document.addEventListener("visibilitychange", () => document.hidden && leave(), { signal });
      window.addEventListener("pagehide", leave, { signal });

      panel.hidden = false;
      button.hidden = true;
      said.textContent = AIM;
      wayOut.focus();
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: 1280 } });
        if (signal.aborted) {
          stop(); /* allowed after the person had left */
          return;
        }
        video.srcObject = stream;
        await video.play();
        const read = await readerOfTheBrowser().catch(ourReader);
        const picture = pictures(video);
        while (!signal.aborted) {
          const text = video.videoWidth && (await read(picture()));
          if (signal.aborted) return;
          if (text) {
            end("扫到了。", button);
            found(text);
            return;
          }
          await pause(EVERY_MS);
        }
      } catch (error) {
        end(WHY[error.name] ?? BROKEN, input);
      }
    };

    const offer = (scan) => {
      button.addEventListener("click", scan);
      button.hidden = false;
    };
    const offerCamera = () => {
      if (navigator.mediaDevices?.getUserMedia) offer(scanByCamera);
    };
    if (window.wx && /MicroMessenger/i.test(navigator.userAgent)) {
      let refused = false; /* ready comes after a refusal too */
      window.wx.error(() => {
        refused = true;
      });
      window.wx.ready(() => (refused ? offerCamera() : offer(scanInWechat)));
    } else offerCamera();
  };

  document.querySelectorAll("form[data-scan]").forEach(start);
})();
