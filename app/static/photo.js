/* A photo that is chosen: shrunk before it is sent, and shown. Whatever fails here, the file is sent as it was chosen. */
(() => {
  "use strict";

  const LONGEST_SIDE = 2000;
  const QUALITY = 0.85;
  document.documentElement.classList.add("shows-photos");

  const shrunk = async (file) => {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const share = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * share));
    canvas.height = Math.max(1, Math.round(picture.height * share));
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const jpeg = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return new File([jpeg], "photo.jpg", { type: jpeg.type });
  };

  const put = (file, input) => {
    const files = new DataTransfer();
    files.items.add(file);
    input.files = files.files;
  };

  const show = (file, field) => {
    const area = field.querySelector(".photo-area");
    const prompt = area.querySelector(".photo-prompt span");
    const words = prompt.parentElement.dataset;
    words.first ??= prompt.textContent;
    prompt.textContent = file ? words.again : words.first;
    area.querySelector("img")?.remove();
    if (!file) return;
    const preview = document.createElement("img");
    preview.alt = "选好的照片";
    preview.addEventListener("load", () => URL.revokeObjectURL(preview.src));
    preview.addEventListener("error", () => {
      preview.remove();
      prompt.textContent = file.name; /* a kind of picture that this browser cannot draw */
    });
    preview.src = URL.createObjectURL(file);
    area.prepend(preview);
  };

  document.addEventListener("change", async (event) => {
    const input = event.target;
    const field = input.closest?.("[data-photo]");
    if (!field) return;
    const [chosen] = input.files;
    show(chosen, field);
    if (!chosen) return;
    try {
      const small = await shrunk(chosen);
      if (input.files[0] === chosen) put(small, input);
    } catch {
      /* the server looks at the file itself */
    }
  });
})();
