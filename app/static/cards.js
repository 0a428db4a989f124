/* The review of student cards: each answer's key is written on its button. */
(() => {
  "use strict";

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, dialog[open]")) return;
    const button = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (!button) return;
    event.preventDefault();
    const choices = [...button.form.querySelectorAll("[type=radio]")];
    if (choices.length && !choices.some((choice) => choice.checked)) choices[0].focus();
    else button.click();
  });
})();
