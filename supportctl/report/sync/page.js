"use strict";
// Rows are lists: see data() of call_table.py. Whatever comes from a telephony system or a CRM becomes text
// through textContent, and an address becomes a link only if it is one of the web.
(() => {
  const DAY = 0, TIME = 1, WAY = 2, MARK = 3, PHONE = 4, CLIENT = 5, EMPLOYEE = 6, TALK = 7, RECORDING = 8,
    RECORDING_NOTE = 9, STATES = 10, NOTE = 11, LINK = 12, CALL_ID = 13;
  const PAGE = 100;
  const ARROWS = { in: "↓", out: "↑", missed: "✕" };
  const data = JSON.parse(document.getElementById("data").textContent);
  const { rows, words, labels, states, employees } = data;
  const days = new Map(data.days);
  const at = (id) => document.getElementById(id);
  const fields = ["search", "day", "employee", "state"];
  const wrong = states.map(([name]) => name.includes("."));
  let found = rows;
  let page = 0;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const count = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const digits = (text) => text.replace(/\D/g, "");
  const isWeb = (address) => /^https?:\/\//i.test(address);

  function made(tag, text, name) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (name) element.className = name;
    return element;
  }

  function link(address, text) {
    const element = made("a", text);
    element.href = address;
    element.target = "_blank";
    element.rel = "noopener noreferrer";
    return element;
  }

  function options(select, any, values) {
    select.replaceChildren(new Option(any, ""), ...values.map(([value, text]) => new Option(text, value)));
  }

  // Words of a name or a call's number, or the digits of a phone in whatever form they are typed.
  function matcher(typed) {
    const text = typed.trim().toLowerCase();
    if (!text) return () => true;
    let number = /^[\d\s()+.\-]+$/.test(text) ? digits(text) : "";
    if (number.length > 4 && number.startsWith("8")) number = number.slice(1);
    return (row) =>
      (number && (digits(row[PHONE]).includes(number) || row[CALL_ID].includes(number))) ||
      [row[PHONE], row[CLIENT], employees[row[EMPLOYEE]], row[CALL_ID], row[NOTE]].some((part) =>
        part.toLowerCase().includes(text));
  }

  function filter() {
    const { search, day, employee, state } = Object.fromEntries(fields.map((id) => [id, at(id).value]));
    const fits = matcher(search);
    const wanted = states.findIndex(([name]) => name === state);
    found = rows.filter((row) =>
      (!day || row[DAY] === day) && (!employee || row[EMPLOYEE] === Number(employee)) &&
      (!state || (state === "wrong" ? row[STATES].some((each) => wrong[each]) : row[STATES].includes(wanted))) &&
      fits(row));
    page = 0;
    draw();
    remember();
    for (const button of document.querySelectorAll("button[data-state]")) {
      button.setAttribute("aria-pressed", String(button.dataset.state === state));
    }
  }

  function draw() {
    const start = page * PAGE;
    const shown = found.slice(start, start + PAGE);
    at("rows").replaceChildren(...shown.map(line));
    at("table").hidden = !shown.length;
    at("shown").textContent = shown.length
      ? fill(words.shown, { n: count(found.length), total: count(rows.length) }) : words.none;
    at("pager").hidden = found.length <= PAGE;
    at("previous").disabled = page === 0;
    at("next").disabled = start + PAGE >= found.length;
    at("place").textContent = fill(words.place,
      { from: count(start + 1), to: count(start + shown.length), n: count(found.length) });
  }

  function line(row) {
    const cells = labels.map((label) => {
      const cell = made("td");
      cell.dataset.label = label;
      return cell;
    });
    const [time, phone, client, employee, talk, recording, state] = cells;
    const moment = made("span", row[TIME]);
    moment.append(made("small", days.get(row[DAY])));
    time.append(moment);
    const arrow = made("span", ARROWS[row[MARK]] ?? "", `way ${row[MARK]}`);
    arrow.setAttribute("aria-hidden", "true");
    const who = made("span");
    who.append(arrow, " ", row[PHONE], made("small", row[WAY]));
    phone.append(who);
    if (row[LINK] && isWeb(row[LINK])) client.append(link(row[LINK], row[CLIENT] || words.card));
    else client.append(row[CLIENT]);
    employee.append(employees[row[EMPLOYEE]]);
    talk.append(row[TALK]);
    const heard = made("span");
    if (row[RECORDING] && isWeb(row[RECORDING])) heard.append(link(row[RECORDING], words.listen));
    if (row[RECORDING_NOTE]) heard.append(heard.firstChild ? made("small", row[RECORDING_NOTE]) : row[RECORDING_NOTE]);
    recording.append(heard);
    const where = made("span");
    where.append(...row[STATES].map((each) => made("span", states[each][1], `state ${states[each][2]}`)));
    if (row[NOTE]) where.append(made("small", row[NOTE]));
    state.append(where);
    for (const cell of cells) cell.classList.toggle("empty", !cell.textContent);
    const element = made("tr");
    element.append(...cells);
    return element;
  }

  function remember() {
    const chosen = new URLSearchParams(fields.filter((id) => at(id).value).map((id) => [id, at(id).value]));
    try {
      history.replaceState(null, "", String(chosen) ? `#${chosen}` : location.pathname);
    } catch { /* some browsers forbid it for files */ }
  }

  function recall() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const id of fields) at(id).value = chosen.get(id) ?? "";
    for (const id of fields.slice(1)) if (at(id).selectedIndex < 0) at(id).value = "";
  }

  function turn(by) {
    page += by;
    draw();
    at("calls").scrollIntoView();
  }

  options(at("day"), words["any-day"], data.days);
  options(at("employee"), words["any-employee"], employees.map((name, place) => [String(place), name]));
  at("filters").hidden = false;
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("input", filter);
  at("reset").addEventListener("click", () => {
    for (const id of fields) at(id).value = "";
    filter();
    at("search").focus();
  });
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  for (const button of document.querySelectorAll("button[data-state]")) {
    button.addEventListener("click", () => {
      const again = button.getAttribute("aria-pressed") === "true";
      for (const id of fields) at(id).value = "";
      at("state").value = again ? "" : button.dataset.state;
      filter();
      if (!again) at("calls").scrollIntoView();
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      at("search").focus();
    }
  });
  addEventListener("hashchange", () => { recall(); filter(); });
  recall();
  filter();
})();
