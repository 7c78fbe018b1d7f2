/* A promotion's page: its form shows the fields that the kind of gain takes, and what a basket would earn is told while it is
   typed. Without this script all fields show, and the basket is sent to a page of its own. */
document.addEventListener("DOMContentLoaded", () => {
  const kind = document.getElementById("id_kind");
  const told = document.getElementById("fields-of-gains");
  if (kind && told) {
    const fieldsOf = JSON.parse(told.textContent);
    const all = [...new Set(Object.values(fieldsOf).flat())];
    const fit = () => {
      for (const name of all) {
        const row = document.querySelector(`.field-line.field-${name}`);
        if (row) {
          row.hidden = !fieldsOf[kind.value].includes(name);
        }
      }
    };
    kind.addEventListener("change", fit);
    fit();
  }

  const form = document.getElementById("try-basket");
  const place = document.getElementById("try-outcome");
  if (!form || !place) {
    return;
  }
  let asked = 0;
  let timer = 0;

  const ask = async () => {
    const number = ++asked;
    const response = await fetch(`${form.action}?part=outcome`, { method: "POST", body: new FormData(form) });
    const answer = await response.text(); // read, too, where a later one was asked for: an answer left unread stays open
    if (response.ok && number === asked) {
      place.replaceChildren(...new DOMParser().parseFromString(answer, "text/html").body.childNodes);
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    ask();
  });
});
