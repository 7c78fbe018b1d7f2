// Keys of the queue of personalisations: what [data-key] names is followed or pressed; they rest while someone types.
"use strict";

(() => {
  const place = document.querySelector("[data-queue]");
  if (!place) return;
  const reason = document.getElementById("reason");
  const isField = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true]") !== null;

  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && isField(event.target);
    if (typing && event.target === reason) {
      if (event.key === "Escape") reason.blur();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        document.querySelector("button[value=reject]").click();
      }
    }
    if (typing || event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "r" && reason) {
      event.preventDefault();
      reason.focus();
      return;
    }
    const wanted = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(" ").includes(event.key));
    const other = event.key === "Enter" && event.target instanceof Element ? event.target.closest("a, button, summary") : null;
    if (wanted && (other === null || other === wanted)) {
      event.preventDefault();
      wanted.click();
    }
  });
})();
