"use strict";
// What the records say is data: it becomes text (`textContent`) and is never markup.
(() => {
  const at = id => document.getElementById(id);
  const read = id => JSON.parse(at(id).textContent);
  const [words] = read("words");
  const [groups, items, signals, texts] = ["groups", "items", "signals", "texts"].map(read);
  const thumbnails = new Map(read("thumbnails"));
  const RISKS = ["low", "inconclusive", "review", "high"];
  const FIELDS = ["risk", "origin", "detector", "claim", "group", "q"];
  const AHEAD = 6;  // rows that are drawn outside the window
  const count = number => number.toLocaleString(document.documentElement.lang);

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter(child => child !== undefined && child !== ""));
    return element;
  }

  const nameOf = item => item.name ?? item.uri;
  const claimed = claim => words[`claim.${claim}`] ?? claim.replaceAll("_", " ");
  const badge = risk => make("span", {class: `risk ${risk}`}, risk);

  // The pictures of an item: one of a picture, several of a post.
  function pictures(number) {
    const small = (items[number].pictures ?? []).map(one => thumbnails.get(one)).filter(Boolean);
    return small.map(data => make("img", {class: "picture", src: `data:image/webp;base64,${data}`, alt: nameOf(items[number]), loading: "lazy"}));
  }

  const picture = number => pictures(number)[0];

  // --- what is shown ---

  let state = {sort: "-risk"};
  let shown = [];  // numbers of items, filtered and sorted
  let active = 0;  // index into `shown` of the row that Tab reaches
  let opened = null;  // number of the item whose evidence is shown

  const KEYS = {
    risk: item => RISKS.indexOf(item.risk),
    origin: item => item.origin,
    name: item => item.uri,
    verdict: item => texts[item.headline],
    not_assessed: item => texts[item.not_assessed] + texts[item.incomplete],
    group: item => item.groups[0] ?? Infinity,
  };

  const memory = {signals: null, items: null};
  function haystacks() {
    if (memory.items) return memory;
    const said = signal => `${JSON.stringify(signal)}\n${texts[signal.said]}\n${texts[signal.label]}\n${JSON.stringify(texts[signal.facts])}`.toLowerCase();
    memory.signals = signals.map(said);
    memory.items = items.map(item => `${item.uri}\n${item.name ?? ""}\n${item.risk} ${item.origin} ${claimed(item.origin)}\n${texts[item.headline]}\n${texts[item.policy]}\n${JSON.stringify(item.facts.map(facts => texts[facts]))}`.toLowerCase());
    return memory;
  }

  function searched(query) {
    const text = query.toLowerCase(), quoted = JSON.stringify(text).slice(1, -1);
    const holds = hay => hay.includes(text) || (quoted !== text && hay.includes(quoted));
    const {signals: said, items: told} = haystacks();
    const hits = said.map(holds);
    return number => holds(told[number]) || items[number].signals.some(signal => hits[signal]);
  }

  function filters() {
    const found = (item, key, value) => item.signals.some(one => signals[one].outcome === "finding" && signals[one][key] === value);
    const tests = [];
    if (state.risk) tests.push(number => items[number].risk === state.risk);
    if (state.origin) tests.push(number => items[number].origin === state.origin);
    if (state.detector) tests.push(number => found(items[number], "detector", state.detector));
    if (state.claim) tests.push(number => found(items[number], "claim", state.claim));
    if (state.group) tests.push(number => items[number].groups.includes(Number(state.group)));
    if (state.q) tests.push(searched(state.q));
    return tests;
  }

  function select() {
    const tests = filters();
    shown = [...items.keys()].filter(number => tests.every(test => test(number)));
    const column = state.sort.replace(/^-/, ""), way = state.sort.startsWith("-") ? -1 : 1;
    const keys = shown.length ? items.map(KEYS[column]) : [];
    shown.sort((a, b) => way * ((keys[a] > keys[b]) - (keys[a] < keys[b])) || a - b);
    active = 0;
    rows.scrollTop = 0;
    clearRows();
    grid.setAttribute("aria-rowcount", shown.length + 1);
    at("status").textContent = words.shown.replace("{shown}", count(shown.length)).replace("{total}", count(items.length));
    at("none").hidden = shown.length > 0;
    for (const head of grid.querySelectorAll("[role=columnheader]")) {
      const sorted = head.dataset.sort === column ? (way < 0 ? "descending" : "ascending") : "none";
      head.setAttribute("aria-sort", sorted);
    }
    gallery();
    draw();
  }

  // --- the grid: only rows in sight are there ---

  const grid = at("grid"), rows = at("rows"), space = at("space");
  const drawn = new Map();  // index into `shown` -> row
  let height = 92;

  function clearRows() {
    drawn.clear();
    space.replaceChildren();
  }

  function draw() {
    height = parseFloat(getComputedStyle(space).getPropertyValue("--row"));
    space.style.height = `${Math.max(shown.length * height, 1)}px`;
    const first = Math.max(0, Math.floor(rows.scrollTop / height) - AHEAD);
    const last = Math.min(shown.length, Math.ceil((rows.scrollTop + rows.clientHeight) / height) + AHEAD);
    for (const [index, row] of drawn) {
      if ((index < first || index >= last) && index !== active) {
        row.remove();
        drawn.delete(index);
      } else {
        row.style.top = `${index * height}px`;
      }
    }
    for (let index = first; index < last; index++) place(index);
    if (shown.length) place(active);
  }

  function place(index) {
    if (drawn.has(index)) return;
    const row = rowOf(index);
    row.style.top = `${index * height}px`;
    drawn.set(index, row);
    const after = [...drawn.keys()].filter(other => other > index);
    space.insertBefore(row, after.length ? drawn.get(Math.min(...after)) : null);
  }

  function rowOf(index) {
    const number = shown[index], item = items[number];
    const cell = (kind, ...children) => make("div", {role: "gridcell", class: kind}, ...children);
    const gaps = [
      texts[item.incomplete] && make("span", {class: "open"}, `${words.incomplete}: ${texts[item.incomplete]} `),
      texts[item.not_assessed],
    ];
    const row = make("div", {role: "row", "aria-rowindex": index + 2, tabindex: index === active ? 0 : -1, "aria-selected": number === opened},
      cell("risk-cell", badge(item.risk)),
      cell("origin", claimed(item.origin)),
      cell("name", picture(number), make("span", {}, nameOf(item))),
      cell("verdict", make("b", {}, texts[item.headline]), make("span", {}, texts[item.weight] || texts[item.advice])),
      make("div", {role: "gridcell", class: "not_assessed", "data-label": words.not_assessed}, ...gaps.filter(Boolean)),
      cell("group", item.groups.join(", ")));
    row.addEventListener("click", () => { activate(index, false); open(number); });
    return row;
  }

  function activate(index, focus = true) {
    if (!shown.length) return;
    const target = Math.min(Math.max(index, 0), shown.length - 1);
    drawn.get(active)?.setAttribute("tabindex", -1);
    active = target;
    if (focus) {
      const top = target * height;
      if (top < rows.scrollTop) rows.scrollTop = top;
      else if (top + height > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + height - rows.clientHeight;
    }
    draw();
    const row = drawn.get(active);
    row.setAttribute("tabindex", 0);
    if (focus) row.focus({preventScroll: true});
  }

  function onKey(event) {
    const page = Math.max(1, Math.floor(rows.clientHeight / height) - 1);
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
    if (event.key in steps) {
      activate(active + steps[event.key]);
      if (opened !== null && !covers()) open(shown[active]);
    } else if (event.key === "Enter" || event.key === " ") {
      if (opened === shown[active]) at("evidence").querySelector("h2").focus();
      else open(shown[active], true);
    } else {
      return;
    }
    event.preventDefault();
  }

  // --- the evidence of one item ---

  const covers = () => getComputedStyle(at("evidence")).position === "fixed";

  function open(number, byKey = false) {
    const panel = at("evidence"), item = items[number];
    opened = number;
    panel.replaceChildren(...evidence(number));
    panel.setAttribute("aria-label", `${words.evidence}: ${nameOf(item).slice(0, 200)}`);
    panel.hidden = false;
    panel.scrollTop = 0;
    at("work").classList.add("split");
    for (const [index, row] of drawn) row.setAttribute("aria-selected", shown[index] === opened);
    draw();
    if (covers()) panel.querySelector("button").focus();
    else if (byKey) drawn.get(active)?.focus({preventScroll: true});
  }

  function close() {
    if (opened === null) return;
    opened = null;
    at("evidence").hidden = true;
    at("work").classList.remove("split");
    for (const row of drawn.values()) row.setAttribute("aria-selected", false);
    activate(active);
  }

  function evidence(number) {
    const item = items[number];
    const shut = make("button", {type: "button"}, words.close);
    shut.addEventListener("click", close);
    const [means, not, next, publish] = item.answers.map(text => texts[text]);
    const asked = Object.entries({means, not, next, publish}).flatMap(([question, said]) => [make("h3", {}, words[question]), make("p", {}, said)]);
    return [
      make("div", {class: "top"}, make("div", {class: "pictures"}, ...pictures(number)),
        make("div", {}, make("h2", {tabindex: -1}, nameOf(item)), make("p", {}, badge(item.risk), ` ${claimed(item.origin)}`)), shut),
      make("p", {}, make("b", {}, texts[item.headline])),
      make("p", {}, texts[item.advice]),
      make("p", {}, texts[item.policy]),
      ...gaps(item),
      ...item.groups.map(groupLink),
      make("h3", {}, words.found),
      make("dl", {}, ...item.signals.flatMap(said)),
      ...asked,
      facts(item),
    ];
  }

  function gaps(item) {
    return ["incomplete", "not_assessed"].filter(name => texts[item[name]])
      .map(name => make("p", {class: name === "incomplete" ? "open" : undefined}, make("b", {}, words[name]), `: ${texts[item[name]]}.`));
  }

  function groupLink(number) {
    return make("p", {}, make("a", {href: `#group=${number}`}, `${words.group} ${number}: ${groups[number - 1]}`));
  }

  function said(number) {
    const signal = signals[number];
    const outcome = words[`outcome.${signal.outcome}`] + (signal.claim ? `: ${claimed(signal.claim)}` : "");
    return [make("dt", {}, texts[signal.label]), make("dd", {}, texts[signal.said], make("small", {}, outcome))];
  }

  function facts(item) {
    const list = pairs => make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    const parts = item.facts.flatMap(number => {
      const [title, pairs] = texts[number];
      return [make("h3", {}, title || words.item), list(pairs)];
    });
    const seen = item.signals.flatMap(number => [make("h3", {}, texts[signals[number].label]), list(texts[signals[number].facts])]);
    return make("details", {}, make("summary", {}, words.facts), ...parts, ...seen);
  }

  // --- a group's pictures side by side ---

  function gallery() {
    const place = at("gallery");
    place.hidden = !state.group;
    place.replaceChildren();
    if (!state.group) return;
    place.append(make("h2", {}, `${words.group} ${state.group}: ${groups[state.group - 1] ?? ""}`));
    for (const number of shown) {
      const item = items[number];
      const last = nameOf(item).split("/").pop();
      const button = make("button", {type: "button", "aria-label": `${nameOf(item)}: ${item.risk}`},
        ...(pictures(number).length ? pictures(number) : [make("div", {class: "picture"}, words.no_picture)]), badge(item.risk), make("span", {}, last));
      button.addEventListener("click", () => {
        activate(shown.indexOf(number), false);
        open(number, true);
        at("evidence").scrollIntoView({block: "nearest"});
      });
      place.append(button);
    }
  }

  // --- printing: the filtered view whole ---

  function printed() {
    const cells = number => {
      const item = items[number];
      const found = item.signals.map(one => signals[one]).filter(signal => signal.outcome === "finding");
      const weight = texts[item.weight] || texts[item.advice];
      const again = found.some(signal => texts[signal.said] === weight);
      const gaps = [texts[item.incomplete] && `${words.incomplete}: ${texts[item.incomplete]}`, texts[item.not_assessed]];
      return make("tr", {},
        make("td", {}, badge(item.risk)), make("td", {}, claimed(item.origin)), make("td", {}, picture(number) ?? ""), make("td", {class: "long"}, nameOf(item)),
        make("td", {class: "long"}, make("b", {}, texts[item.headline]), again ? "" : make("div", {}, weight),
          ...found.map(signal => make("div", {}, `${texts[signal.label]}: ${texts[signal.said]}`))),
        make("td", {class: "long"}, gaps.filter(Boolean).join("; ")));
    };
    const heads = [...grid.querySelectorAll("[role=columnheader]")].slice(0, 5).map(head => head.textContent.trim());
    const head = make("tr", {}, ...heads.toSpliced(2, 0, words.picture).map(name => make("th", {scope: "col"}, name)));
    const chosen = FIELDS.filter(field => state[field]).map(field => `${field}: ${state[field]}`).join(", ");
    at("print").replaceChildren(make("p", {}, `${at("status").textContent} ${chosen}`),
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...shown.map(cells))));
  }

  // --- the address holds the view ---

  const form = at("filters");

  function fromAddress() {
    const told = new URLSearchParams(location.hash.slice(1));
    state = {sort: "-risk"};
    for (const field of FIELDS) {
      const control = form.elements[field];
      control.value = told.get(field) ?? "";
      if (control.value) state[field] = control.value;
      else control.value = "";
    }
    const sort = told.get("sort") ?? "-risk";
    if (sort.replace(/^-/, "") in KEYS) state.sort = sort;
    select();
  }

  function toAddress() {
    const told = new URLSearchParams();
    for (const field of FIELDS) if (state[field]) told.set(field, state[field]);
    if (state.sort !== "-risk") told.set("sort", state.sort);
    history.replaceState(null, "", `#${told}`);
    select();
  }

  function fromForm() {
    const changed = FIELDS.filter(field => (state[field] ?? "") !== form.elements[field].value);
    for (const field of changed) state[field] = form.elements[field].value;
    if (changed.length) toAddress();  // else a click into the grid, which ends the typing, would lose its row
  }

  function sortBy(column) {
    const ways = column === "risk" ? ["-risk", "risk"] : [column, `-${column}`];
    state.sort = state.sort === ways[0] ? ways[1] : ways[0];
    toAddress();
  }

  // One name a line, as `scan --deepen @FILE` reads it: a name that could be taken for two, or for
  // a quoted one, is a JSON string.
  function save() {
    const line = ({uri}) => (/[\n\r]|^"/.test(uri) ? JSON.stringify(uri) : uri);
    const blob = new Blob(shown.map(number => `${line(items[number])}\n`), {type: "text/plain"});
    const link = make("a", {href: URL.createObjectURL(blob), download: words.names_file});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("change", fromForm);
  form.addEventListener("input", event => { if (event.target.name === "q") fromForm(); });
  form.addEventListener("reset", () => setTimeout(fromForm));
  at("save").addEventListener("click", save);
  rows.addEventListener("keydown", onKey);
  rows.addEventListener("scroll", () => requestAnimationFrame(draw));
  grid.addEventListener("click", event => {
    const head = event.target.closest("[role=columnheader]");
    if (head) sortBy(head.dataset.sort);
  });
  document.addEventListener("keydown", event => { if (event.key === "Escape") close(); });
  addEventListener("hashchange", fromAddress);
  addEventListener("beforeprint", printed);
  addEventListener("afterprint", () => at("print").replaceChildren());
  at("app").hidden = false;
  if (matchMedia("(max-width: 40rem)").matches) {
    for (const part of document.querySelectorAll(".summary details")) part.open = false;
  }
  new ResizeObserver(draw).observe(at("list"));  // keeps the rows, and with them the focus
  fromAddress();
})();
