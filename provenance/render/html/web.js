"use strict";

// Files and texts go to the service one after the other; what comes back is a piece of page that the
// service has escaped. It is parsed without running anything, and the policy lets no other script run.

const said = JSON.parse(document.getElementById("said").textContent);
const at = (id) => document.getElementById(id);
const results = at("results"), empty = at("empty"), status = at("status"), files = at("files"), words = at("words");
const waiting = [];
let session = sessionStorage.getItem("session"), busy = false;

function made(tag, text, more = {}) {
  const element = Object.assign(document.createElement(tag), more);
  element.textContent = text;
  return element;
}

function put(sentence, name) {
  return sentence.replace("{name}", () => name);
}

function ask(path, body, type) {
  const headers = { "Content-Type": type };
  if (session) headers.Authorization = `Bearer ${session}`;
  return fetch(path, { method: "POST", body, headers, cache: "no-store" });
}

async function enter() {
  const [, once] = location.hash.match(/^#token=(.+)$/) ?? [];
  if (!once) return;
  history.replaceState(null, "", location.pathname);
  const answer = await ask("/page/session", once, "text/plain");
  if (answer.ok) {
    session = await answer.text();
    sessionStorage.setItem("session", session);
  } else if (!session) {
    empty.textContent = said.used;
    empty.className = "alert";
  }
}

const entered = enter().catch(() => {});

function add(body, name, kind) {
  const article = document.createElement("article");
  const job = { body, name, kind, article, picture: null };
  if (body.type?.startsWith("image/")) {
    job.picture = Object.assign(new Image(), { alt: "", src: URL.createObjectURL(body) });
    job.picture.addEventListener("error", () => {
      job.picture.remove();
      job.picture = null;
    });
  }
  results.prepend(article);
  empty.hidden = true;
  show(job);
}

function show(job) {
  working(job);
  waiting.push(job);
  if (!busy) next();
}

async function next() {
  busy = true;
  await entered;
  for (let job; (job = waiting.shift()); ) {
    if (job.article.isConnected) await look(job);
  }
  busy = false;
}

function working(job) {
  const bar = made("progress", "");
  bar.setAttribute("aria-label", put(said.working, job.name));
  job.article.setAttribute("aria-busy", "true");
  fill(job, made("h2", job.name), made("p", said.looking), bar, tools(job, [[said.remove, remove]]));
  status.textContent = put(said.working, job.name);
}

function fill(job, ...children) {
  job.article.replaceChildren(...(job.picture ? [job.picture] : []), ...children);
}

async function look(job) {
  try {
    const path = `/page/item?kind=${job.kind}&name=${encodeURIComponent(job.name)}`;
    let answer = await ask(path, job.body, job.body.type || "application/octet-stream");
    while (answer.status === 503 && answer.headers.has("Retry-After") && job.article.isConnected) {
      await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers.get("Retry-After"))));
      answer = await ask(path, job.body, job.body.type || "application/octet-stream");
    }
    if (answer.ok) verdict(job, await answer.text());
    else failed(job, (await answer.json()).detail);
  } catch {
    failed(job, said.lost);
  }
}

function verdict(job, page) {
  const piece = new DOMParser().parseFromString(page, "text/html").body.firstElementChild;
  const text = piece.querySelector(".plain").textContent;
  piece.querySelector(".plain").remove();
  ended(job, piece.dataset.risk);
  fill(job, ...piece.childNodes, tools(job, [[said.copy, (_, button) => copy(text, button)], [said.print, printed], [said.remove, remove]]));
  status.textContent = `${job.name}: ${piece.dataset.risk}. ${piece.dataset.said}`;
}

function failed(job, detail) {
  ended(job, "failed");
  const alert = made("p", `${said.failed} ${detail}`, { className: "alert" });
  alert.setAttribute("role", "alert");
  fill(job, made("h2", job.name), alert, tools(job, [[said.again, show], [said.remove, remove]]));
  status.textContent = "";
}

function ended(job, name) {
  job.article.removeAttribute("aria-busy");
  job.article.className = name;
}

function tools(job, actions) {
  const bar = made("p", "", { className: "tools" });
  for (const [label, act] of actions) {
    const button = made("button", label, { type: "button" });
    button.setAttribute("aria-label", `${label}: ${job.name}`);
    button.addEventListener("click", () => act(job, button));
    bar.append(button);
  }
  return bar;
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {                                        // a page that did not come by https may not
    const area = made("textarea", text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  status.textContent = button.textContent = said.copied;
  setTimeout(() => { button.textContent = said.copy; }, 2000);
}

function printed(job) {
  document.body.classList.add("one");
  job.article.classList.add("printed");
  for (const folded of job.article.querySelectorAll("details")) folded.open = true;
  window.print();
  document.body.classList.remove("one");
  job.article.classList.remove("printed");
}

function remove(job) {
  if (job.picture) URL.revokeObjectURL(job.picture.src);
  job.article.remove();
  empty.hidden = results.childElementCount > 0;
  status.textContent = put(said.removed, job.name);
  files.focus();
}

function checkText(text) {
  if (text.trim()) add(new Blob([text], { type: "text/plain" }), said.text, "text");
}

files.addEventListener("change", () => {
  for (const file of files.files) add(file, file.name, "");
  files.value = "";
});
at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  checkText(words.value);
});
words.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) checkText(words.value);
});
document.addEventListener("paste", (event) => {
  const pasted = [...event.clipboardData.files];
  if (!pasted.length && event.target === words) return;
  event.preventDefault();
  for (const file of pasted) add(file, file.name, "");
  if (!pasted.length) checkText(event.clipboardData.getData("text/plain"));
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const dropped = [...event.dataTransfer.files];
  for (const file of dropped) add(file, file.name, "");
  if (!dropped.length) checkText(event.dataTransfer.getData("text/plain"));
});
