// Follows work that is done in the background: asks once a second how far it is. Where the page says so it is loaded anew when
// the state changes; not where someone may be filling in a form.
"use strict";

async function follow(box) {
    const bar = box.querySelector("progress");
    const text = box.querySelector("[data-progress-text]");
    try {
        const answer = await fetch(box.dataset.progressUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (answer.redirected || answer.status === 403 || answer.status === 404) {
            return; // signed out, or it is not ours any more
        }
        if (answer.ok) {
            const now = await answer.json();
            bar.value = now.generated;
            bar.max = now.count;
            if (text.textContent !== now.text) {
                text.textContent = now.text;
            }
            if (now.state !== box.dataset.progressState && "progressReload" in box.dataset) {
                window.location.reload();
                return;
            }
            if (!now.working) {
                return;
            }
        }
    } catch {
        // the server is away for a moment: ask again
    }
    window.setTimeout(follow, 1000, box);
}

document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-progress-url]").forEach((box) => window.setTimeout(follow, 500, box));
});
