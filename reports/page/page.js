"use strict";
/* The gallery: a list of the samples that the filters leave, and one of them in full.  Whatever
 * comes from a run goes into the page as text (textContent), never as markup. */
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const number = new Intl.NumberFormat("en");

/* An element with a class and children; strings become text. */
function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/* Characters that would not be seen, or would turn the line around, are shown by their number. */
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const readable = text =>
  text.replace(unseen, c => "\u27e8U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9");

/* ---- what is chosen, and what that leaves ---- */

let task, run, other, shown = [], chosen = -1;

/* right, wrong, failed; unknown: no public label; absent: the run was not asked this. */
function verdictOf(answer) {
  if (!answer) return "absent";
  if (answer.failure !== undefined) return "failed";
  if (answer.right === undefined) return "unknown";
  return answer.right ? "right" : "wrong";
}

/* Better or worse than the run that is compared: by what the answers earn, as `mambench compare`. */
function changeOf(sample) {
  const a = sample.answers[run], b = sample.answers[other];
  if (!a || !b || a.credit === undefined || b.credit === undefined || a.credit === b.credit)
    return "";
  return a.credit > b.credit ? "better" : "worse";
}

function answerText(answer) {
  if (!answer) return "not asked";
  if (answer.failure !== undefined) return "failed: " + answer.failure;
  if (answer.text !== undefined) return answer.text;
  if (!answer.p) return "";
  const best = answer.p.indexOf(Math.max(...answer.p));
  return `${task.choices[best]} (${answer.p[best].toFixed(3)})`;
}

/* What the text filter searches, made when it is first needed. */
function haystack(sample) {
  if (sample.words === undefined)
    sample.words = [sample.id, sample.question ?? "", ...sample.references,
                    ...sample.answers.map(a => a ? a.text ?? a.failure ?? answerText(a) : "")]
      .join("\n").toLowerCase();
  return sample.words;
}

function filter() {
  const words = $("text").value.toLowerCase(), verdict = $("verdict").value;
  const group = $("group").value, change = $("change").value;
  const counts = {right: 0, wrong: 0, failed: 0, unknown: 0, absent: 0, better: 0, worse: 0};
  shown = task.samples.filter(sample => {
    const now = verdictOf(sample.answers[run]), moved = other >= 0 ? changeOf(sample) : "";
    if (group && (group[0] === "c" ? sample.category : sample.group) !== group.slice(1)) return false;
    if (verdict && now !== verdict) return false;
    if (change && (change === "flips" ? !moved : moved !== change)) return false;
    if (words && !haystack(sample).includes(words)) return false;
    counts[now]++;
    if (moved) counts[moved]++;
    return true;
  });
  tell(counts);
  redraw();
  choose(shown.length > 0 ? 0 : -1);
}

function tell(counts) {
  const part = (n, name) => n > 0 ? [`${number.format(n)} ${name}`] : [];
  let text = `${number.format(shown.length)} of ${number.format(task.samples.length)} samples`;
  const parts = [...part(counts.right, "right"), ...part(counts.wrong, "wrong"),
                 ...part(counts.failed, "failed"), ...part(counts.unknown, "without a verdict"),
                 ...part(counts.absent, "not asked")];
  if (parts.length > 0) text += `; ${task.runs[run]}: ${parts.join(", ")}`;
  if (other >= 0)
    text += `; against ${task.runs[other]}: ${number.format(counts.better)} better, ` +
            `${number.format(counts.worse)} worse`;
  if (task.leftOut > 0)
    text += `; ${number.format(task.leftOut)} further samples are not on this page`;
  $("count").textContent = text + ".";
}

/* ---- the list: only the rows that can be seen exist ---- */

const marks = {right: "\u2713", wrong: "\u2717", failed: "!", unknown: "\u00b7", absent: "\u2013"};

function mark(answer) {
  const verdict = verdictOf(answer), node = element("span", "mark " + verdict, marks[verdict]);
  node.title = verdict;
  node.setAttribute("aria-label", verdict);
  node.setAttribute("role", "img");
  return node;
}

function picture(sample, className) {
  const source = data.images[sample.image];
  if (!source) return element("span", className + " missing", "no picture");
  const image = element("img", className);
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = "";
  image.addEventListener("error", () =>
    image.replaceWith(element("span", className + " missing", "no picture")));
  image.src = source;
  return image;
}

function row(index, height) {
  const sample = shown[index], node = element("div", "row");
  const answers = element("div", "answers", mark(sample.answers[run]),
                          readable(answerText(sample.answers[run])));
  if (other >= 0)
    answers.append(element("span", "other", mark(sample.answers[other]),
                           readable(answerText(sample.answers[other]))));
  node.append(picture(sample, "small"),
              element("div", "lines",
                      element("div", "question", readable(sample.question ?? sample.id)), answers));
  node.id = "row-" + index;
  node.dataset.index = index;
  node.setAttribute("role", "option");
  node.setAttribute("aria-setsize", shown.length);
  node.setAttribute("aria-posinset", index + 1);
  node.setAttribute("aria-selected", index === chosen);
  node.style.top = index * height + "px";
  return node;
}

const spacer = element("div", "spacer"), rows = new Map(); /* rows by their index in shown */
spacer.setAttribute("role", "presentation");

function rowHeight() {
  return parseFloat(getComputedStyle($("list")).getPropertyValue("--row"));
}

/* Takes out the rows that left the window and puts in those that came. */
function draw() {
  const list = $("list"), height = rowHeight(), margin = 8;
  const first = Math.max(0, Math.floor(list.scrollTop / height) - margin);
  const last = Math.min(shown.length,
                        Math.ceil((list.scrollTop + list.clientHeight) / height) + margin);
  for (const [index, node] of rows)
    if (index < first || index >= last) {
      node.remove();
      rows.delete(index);
    }
  for (let index = first; index < last; index++)
    if (!rows.has(index)) {
      const node = row(index, height);
      rows.set(index, node);
      list.append(node);
    }
  if (rows.has(chosen)) list.setAttribute("aria-activedescendant", "row-" + chosen);
  else list.removeAttribute("aria-activedescendant");
}

/* The list anew, for other samples. */
function redraw() {
  const empty = shown.length === 0 ? [element("p", "empty", "These filters leave no sample.")] : [];
  rows.clear();
  spacer.style.height = shown.length * rowHeight() + "px";
  $("list").replaceChildren(spacer, ...empty);
  $("list").scrollTop = 0;
}

function choose(index) {
  const list = $("list"), height = rowHeight(), top = index * height;
  rows.get(chosen)?.setAttribute("aria-selected", "false");
  chosen = index;
  if (index >= 0 && top < list.scrollTop) list.scrollTop = top;
  else if (index >= 0 && top + height > list.scrollTop + list.clientHeight)
    list.scrollTop = top + height - list.clientHeight;
  draw();
  rows.get(chosen)?.setAttribute("aria-selected", "true");
  detail();
}

/* ---- one sample in full ---- */

function field(name, ...content) {
  return [element("dt", "", name), element("dd", "", ...content)];
}

/* "left (8), right": each reference once, with how many gave it. */
function referenceText(references) {
  const counts = new Map();
  for (const one of references) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([one, n]) => n > 1 ? `${readable(one)} (${n})` : readable(one)).join(", ");
}

function probabilities(answer) {
  const list = element("div", "bars");
  answer.p.forEach((p, i) => {
    const bar = element("span", "bar");
    bar.style.width = 100 * p + "%";
    list.append(element("span", "choice", task.choices[i]), element("span", "track", bar),
                element("span", "value", p.toFixed(4)));
  });
  return list;
}

function answerBlock(sample, index) {
  const answer = sample.answers[index], verdict = verdictOf(answer);
  const block = element("section", "answer");
  const head = element("h4", "", mark(answer), task.runs[index]);
  const partly = answer && answer.credit > 0 && answer.credit < 1;
  head.append(element("span", "verdict",
                      (verdict === "unknown" ? "no verdict" : verdict) + (partly ? `, earns ${answer.credit.toFixed(2)}` : "")));
  block.append(head);
  if (answer && (answer.text !== undefined || answer.failure !== undefined))
    block.append(element("pre", answer.failure !== undefined ? "failure" : "",
                         readable(answer.failure ?? answer.text)));
  if (answer && answer.p) block.append(probabilities(answer));
  return block;
}

function detail() {
  const sample = shown[chosen], view = element("div");
  if (sample) {
    const prompt = sample.prompt ?? (sample.question === undefined ? undefined :
                                     task.message.split("{question}").join(sample.question));
    const facts = element("dl", "");
    if (prompt !== undefined) facts.append(...field("Prompt", element("pre", "", readable(prompt))));
    if (sample.references.length > 0)
      facts.append(...field("References", referenceText(sample.references)));
    if (sample.category !== undefined) facts.append(...field("Category", readable(sample.category)));
    if (sample.group !== undefined) facts.append(...field("Group", readable(sample.group)));
    facts.append(...field("Sample", readable(sample.id)));
    const order = other >= 0 ? [run, other] : [run];
    for (let i = 0; i < task.runs.length; i++) if (!order.includes(i)) order.push(i);
    view.append(element("h3", "", readable(sample.question ?? sample.id)), picture(sample, "large"),
                ...order.map(i => answerBlock(sample, i)), facts);
  }
  $("sample").replaceChildren(...view.childNodes);
  $("detail").scrollTop = 0;
}

function read() {
  if (chosen < 0) return;
  $("panes").classList.add("reading");
  $("detail").focus();
}

function leave() {
  $("panes").classList.remove("reading");
  $("list").focus();
}

/* ---- filters ---- */

/* rows: [value, label]; keeps the chosen value where it is still there. */
function fill(select, rows) {
  const before = select.value;
  select.replaceChildren(...rows.map(([value, label]) => {
    const option = element("option", "", label);
    option.value = value;
    return option;
  }));
  if (rows.some(([value]) => value === before)) select.value = before;
  select.disabled = rows.length < 2;
}

function countBy(key) {
  const counts = new Map();
  for (const sample of task.samples)
    if (sample[key] !== undefined) counts.set(sample[key], (counts.get(sample[key]) ?? 0) + 1);
  return [...counts].sort((a, b) => a[0] < b[0] ? -1 : 1);
}

function chooseTask() {
  task = data.tasks[$("task").value];
  const groups = (key, letter) =>
    countBy(key).map(([name, n]) => [letter + name, `${readable(name)} (${number.format(n)})`]);
  fill($("run"), task.runs.map((name, i) => [String(i), name]));
  fill($("group"), [["", "all"], ...groups("category", "c"), ...groups("group", "g")]);
  fill($("verdict"), [["", "all"], ["right", "right"], ["wrong", "wrong"], ["failed", "failed"],
                      ...task.samples.some(s => s.answers.some(a => a && verdictOf(a) === "unknown"))
                        ? [["unknown", "without a verdict"]] : []]);
  chooseRun();
}

function chooseRun() {
  run = Number($("run").value);
  fill($("other"), [["-1", "no other run"],
                    ...task.runs.map((name, i) => [String(i), name]).filter((_, i) => i !== run)]);
  chooseOther();
}

function chooseOther() {
  other = Number($("other").value);
  fill($("change"), other < 0 ? [["", "all"]] : [["", "all"], ["flips", "changed"],
                                                 ["better", "better than the other"],
                                                 ["worse", "worse than the other"]]);
  filter();
}

/* ---- keys ---- */

function move(step) {
  if (shown.length === 0) return;
  choose(Math.min(shown.length - 1, Math.max(0, chosen + step)));
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.matches("input, select, textarea");
  const inList = event.target === $("list"), inDetail = $("detail").contains(event.target);
  const page = Math.max(1, Math.floor($("list").clientHeight / rowHeight()) - 1);
  const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length,
                 End: shown.length};
  if (event.key === "Escape" && (typing || inDetail)) leave();
  else if (typing && event.key === "Enter" && event.target === $("text")) leave();
  else if (typing) return;
  else if (event.key === "/") $("text").focus();
  else if (event.key === "j" || event.key === "k") {
    move(event.key === "j" ? 1 : -1);
    if (!inList && !inDetail) $("list").focus();
  } else if (inList && event.key in steps) move(steps[event.key]);
  else if (inList && event.key === "Enter") read();
  else return;
  event.preventDefault();
}

function start() {
  if (data.tasks.length === 0) {
    $("none").hidden = false;
    return;
  }
  $("gallery").hidden = false;
  fill($("task"), data.tasks.map((t, i) =>
    [String(i), `${t.name} (${number.format(t.samples.length)})`]));
  $("task").addEventListener("change", chooseTask);
  $("run").addEventListener("change", chooseRun);
  $("other").addEventListener("change", chooseOther);
  for (const id of ["group", "verdict", "change"]) $(id).addEventListener("change", filter);
  $("text").addEventListener("input", filter);
  $("filters").addEventListener("submit", event => event.preventDefault());
  $("back").addEventListener("click", leave);
  $("list").addEventListener("scroll", draw, {passive: true});
  $("list").addEventListener("click", event => {
    const clicked = event.target.closest(".row");
    if (!clicked) return;
    choose(Number(clicked.dataset.index));
    if (getComputedStyle($("detail")).display === "none") read();
  });
  document.addEventListener("keydown", key);
  new ResizeObserver(draw).observe($("list"));
  chooseTask();
}

start();
})();
