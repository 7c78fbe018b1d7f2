// Watches the proof of an account: the server tells each step as a line of JSON, and this draws it.
"use strict";

(() => {
  const box = document.getElementById("proof");
  if (!box) return;
  const words = box.dataset;
  const start = box.querySelector("[data-start]");
  const stop = box.querySelector("[data-stop]");
  const bar = box.querySelector("progress");
  const status = box.querySelector("[data-status]");
  const number = new Intl.NumberFormat(document.documentElement.lang || "en");
  let running = null;

  const drawCheck = (place, fault, finished) => {
    place.replaceChildren();
    place.className = fault ? "explorer-broken" : finished ? "explorer-holds" : "explorer-soft";
    if (!fault) {
      place.textContent = finished ? `✓ ${words.holds}` : "…";
      return;
    }
    const where = document.createElement("a");
    where.href = fault.address;
    where.className = "explorer-link";
    where.textContent = number.format(fault.sequence);
    const times = fault.count > 1 ? ` (${number.format(fault.count)} ${words.more})` : "";
    place.append(`✗ ${words.broken}, ${words.where} `, where, `: ${fault.fault}${times}`);
  };

  const draw = (step) => {
    bar.max = Math.max(step.total, 1);
    bar.value = step.finished ? bar.max : step.rows;
    const broken = Object.keys(step.faults).length > 0;
    const outcome = !step.finished ? words.running : broken ? words.broken : words.holds;
    const lots = step.finished ? `, ${number.format(step.lots)} ${words.lots}` : "";
    status.textContent = `${outcome}: ${number.format(step.rows)} / ${number.format(step.total)} ${words.rows}${lots}`;
    status.className = !step.finished ? "" : broken ? "explorer-broken" : "explorer-holds";
    for (const place of box.querySelectorAll("[data-check]")) {
      drawCheck(place, step.faults[place.dataset.check], step.finished);
    }
  };

  const watch = async (signal) => {
    const answer = await fetch(words.address, { signal, credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let last = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        last = JSON.parse(line);
        draw(last);
      }
    }
    if (last === null || !last.finished) throw new Error("cut off");
  };

  start.addEventListener("click", async () => {
    running = new AbortController();
    start.disabled = true;
    bar.hidden = stop.hidden = false;
    try {
      await watch(running.signal);
    } catch (error) {
      status.textContent = error.name === "AbortError" ? "" : words.lost;
      status.className = "explorer-broken";
    } finally {
      start.disabled = false;
      stop.hidden = true;
    }
  });
  stop.addEventListener("click", () => running && running.abort());
})();
