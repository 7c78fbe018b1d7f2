/* Shows the e-mail that is being written, filled in with samples by the server. */
document.addEventListener("DOMContentLoaded", () => {
  const section = document.getElementById("email-preview");
  if (!section) {
    return;
  }
  const fields = ["kind", "subject", "text", "html"].map((name) => document.getElementById(`id_${name}`));
  if (fields.some((field) => field === null)) {
    return;
  }
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const part = (name) => document.getElementById(`preview-${name}`);
  let asked = 0;
  let timer = 0;

  const show = (answer) => {
    if (answer.faults) {
      part("faults").textContent = Object.entries(answer.faults).map(([name, fault]) => `${name}: ${fault}`).join(" · ");
      return;
    }
    part("faults").textContent = "";
    part("subject").textContent = answer.subject;
    part("text").textContent = answer.text;
    part("html").srcdoc = answer.html;
    part("samples").textContent = Object.entries(answer.samples).map(([name, value]) => `${name} = ${value}`).join(", ");
  };

  const ask = async () => {
    const number = ++asked;
    const body = new URLSearchParams(fields.map((field) => [field.name, field.value]));
    const response = await fetch(section.dataset.address, { method: "POST", body, headers: { "X-CSRFToken": token } });
    const answer = await response.text(); // read, too, where a later one was asked for: an answer left unread stays open
    if (response.ok && number === asked) {
      show(JSON.parse(answer));
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  };

  section.hidden = false;
  fields.forEach((field) => field.addEventListener("input", soon));
  fields[0].addEventListener("change", soon);
  if (fields[0].value) {
    ask();
  }
});
