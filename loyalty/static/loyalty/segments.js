/* Rows of conditions: each shows the fields that its kind takes, and new rows come without a page. Without this script every
   row shows all of its fields, and the server adds rows. */
const fieldsOf = JSON.parse(document.getElementById("fields-of-kinds").textContent);
const rows = document.getElementById("rule-rows");
const total = document.querySelector("input[name='condition-TOTAL_FORMS']");
const most = Number(document.querySelector("input[name='condition-MAX_NUM_FORMS']").value);

function fit(row) {
  const kind = row.querySelector("[data-field='kind'] select").value;
  const shown = ["kind", ...(fieldsOf[kind] || [])];
  if (row !== rows.firstElementChild) {
    shown.push("joined");
  }
  for (const place of row.querySelectorAll("[data-field]")) {
    place.hidden = !shown.includes(place.dataset.field);
  }
}

function begin(row) {
  row.querySelector("[data-field='kind'] select").addEventListener("change", () => fit(row));
  fit(row);
}

for (const row of rows.children) {
  begin(row);
}

document.querySelector("#rule-form button[name='add']").addEventListener("click", (event) => {
  event.preventDefault();
  const number = Number(total.value);
  if (number >= most) {
    return;
  }
  const made = document.getElementById("rule-empty-row").content.firstElementChild.cloneNode(true);
  for (const element of made.querySelectorAll("*")) {
    for (const attribute of [...element.attributes]) {
      if (attribute.value.includes("__prefix__")) {
        element.setAttribute(attribute.name, attribute.value.replaceAll("__prefix__", String(number)));
      }
    }
  }
  made.querySelector(".rule-number").textContent = String(number + 1);
  rows.append(made);
  total.value = String(number + 1);
  begin(made);
  made.querySelector("select").focus();
});
