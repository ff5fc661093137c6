// Shows one image after another and sends what is answered. What counts is kept by the server: a page that is loaded
// again goes on where the last one was.
"use strict";

const element = (id) => document.getElementById(id);
const COMMANDS = { x: "unsure", s: "skip", u: "undo", g: "show-guess", n: "show-neighbours" };
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => !(letter in COMMANDS));
const KEYS = [..."1234567890", ...LETTERS];
const MANY = 10; // classes beyond these can be looked for by name
const SECONDS_BETWEEN_LOOKS = 3;
const FEW_PIXELS = 96; // images smaller than this are enlarged without blur

let campaign = null;
let keys = new Map(); // the key of each class that has one
let state = null;
let busy = false; // an answer is under way
let asked = 0; // requests under way
let seen = false; // the image is on the screen, or known not to come
let wantsNeighbours = remembered("neighbours") === "on";
let keysOn = remembered("keys") !== "off";
let waiting = 0;

function remembered(name) {
  try {
    return localStorage.getItem(`labelcycle-${name}`);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`labelcycle-${name}`, value);
  } catch {
    // a browser that keeps nothing asks again the next time
  }
}

function showWaiting() {
  element("main").setAttribute("aria-busy", String(asked > 0 || (!seen && state !== null && state.task !== null)));
}

async function ask(path, body) {
  asked += 1;
  showWaiting();
  try {
    return await send(path, body);
  } finally {
    asked -= 1;
    showWaiting();
  }
}

async function send(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(`api/${path}`, { ...options, cache: "no-store", credentials: "omit" });
  } catch {
    throw new Error("The server does not answer, so this was not saved. Start it again: labelcycle label");
  }
  const answer = await response.json().catch(() => ({ error: `The server answers ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function tell(text) {
  element("notice").textContent = text;
  element("notice").hidden = !text;
}

async function look() {
  clearTimeout(waiting);
  try {
    await show(await ask("task"));
    tell("");
  } catch (error) {
    tell(error.message);
    waiting = setTimeout(look, SECONDS_BETWEEN_LOOKS * 1000);
  }
}

async function show(found) {
  if (campaign === null || state === null || found.version !== state.version) {
    campaign = await ask("campaign");
    showCampaign();
  }
  const before = state;
  state = found;
  showProgress();
  element("undo").disabled = !state.can_undo;
  element("undo-last").hidden = !state.can_undo;
  const task = state.task;
  for (const id of ["work", "choice"]) element(id).hidden = task === null;
  element("done").hidden = task !== null;
  if (task === null) {
    showDone(before !== null && before.task !== null);
    return;
  }
  const same = before !== null && before.task !== null && before.task.sample_id === task.sample_id
    && before.task.cycle === task.cycle;
  if (!same) showTask(task);
  for (const address of state.ahead) new Image().src = address;
}

// A class that is called like a key has that key; the others have what is left, in their order.
function keysOf(classes) {
  const found = new Map();
  for (const name of classes) {
    if (KEYS.includes(name.toLowerCase())) found.set(name.toLowerCase(), name);
  }
  const named = new Set(found.values());
  const left = KEYS.filter((key) => !found.has(key));
  classes.filter((name) => !named.has(name)).slice(0, left.length).forEach((name, number) => found.set(left[number], name));
  return new Map([...found].map(([key, name]) => [name, key]));
}

function showCampaign() {
  element("name").textContent = campaign.name;
  element("who").textContent = campaign.annotator;
  element("who").hidden = !campaign.annotator;
  element("next").textContent = `labelcycle run ${campaign.root}`;
  const many = campaign.classes.length > MANY;
  element("finder").hidden = !many;
  element("classes").classList.toggle("many", many);
  keys = keysOf(campaign.classes);
  element("classes").replaceChildren(...campaign.classes.map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.label = name;
    const text = document.createElement("span");
    text.textContent = name;
    button.append(text);
    if (keys.has(name)) {
      const key = document.createElement("kbd");
      key.textContent = keys.get(name).toUpperCase();
      button.append(key);
      button.setAttribute("aria-keyshortcuts", key.textContent);
    }
    button.addEventListener("click", () => give({ label: name, status: "ok" }));
    return button;
  }));
  find();
}

function showProgress() {
  const { cycle, asked, answered, earlier, for_others: others } = state.progress;
  element("progress").max = Math.max(asked, 1);
  element("progress").value = answered;
  let text = `${answered} of ${asked} · cycle ${cycle}`;
  if (earlier) text += ` · ${earlier} of earlier cycles`;
  if (others) text += ` · ${others} for others`;
  element("count").textContent = text;
  document.title = `${answered}/${asked} · ${campaign.name}`;
}

function showTask(task) {
  const picture = element("picture");
  seen = false;
  showWaiting();
  picture.classList.add("loading");
  element("broken").hidden = true;
  picture.alt = `Image to be labelled: ${task.sample_id}`;
  if (task.image === null) {
    picture.removeAttribute("src");
    failed();
  } else {
    picture.src = task.image;
  }
  element("sample").textContent = task.sample_id;
  hideGuess();
  element("show-guess").disabled = !task.has_guess;
  element("show-guess").title = task.has_guess ? "" : "No model asked for this image.";
  element("show-guess").setAttribute("aria-expanded", "false");
  showNeighbours();
}

function loaded() {
  const picture = element("picture");
  picture.classList.toggle("few-pixels", Math.max(picture.naturalWidth, picture.naturalHeight) < FEW_PIXELS);
  picture.classList.remove("loading");
  seen = true;
  showWaiting();
}

function failed() {
  element("broken").hidden = false;
  seen = true;
  showWaiting();
}

function showDone(justNow) {
  const { cycle, asked, for_others: others } = state.progress;
  element("done-title").textContent = state.over ? "Nothing is asked" : others ? "Your part is done" : "All answered";
  element("done-text").textContent = state.over ?? (others
    ? `You have answered what you can of the query of cycle ${cycle}. ${others} are for others to answer.`
    : `All ${asked} images of the query of cycle ${cycle} have their answers.`);
  element("continue").hidden = Boolean(state.over) || others > 0;
  if (justNow) element("done-title").focus();
  waiting = setTimeout(look, SECONDS_BETWEEN_LOOKS * 1000);
}

async function give(answer) {
  if (busy || !seen || state === null || state.task === null) return;
  const { cycle, sample_id } = state.task;
  await change(
    () => ask("answer", { cycle, sample_id, label: "", ...answer }),
    `${answer.label ?? answer.status}: saved.`,
  );
}

async function undo() {
  if (busy || state === null || !state.can_undo) return;
  clearTimeout(waiting);
  await change(() => ask("undo", {}), "The last answer is taken back.");
}

async function change(request, said) {
  busy = true;
  asked += 1; // what comes back is shown before the page is at rest
  try {
    const found = await request();
    const looksFor = document.activeElement === element("filter");
    element("filter").value = "";
    await show(found);
    find();
    if (looksFor && !element("choice").hidden) element("filter").focus();
    tell("");
    element("status").textContent = found.notice ?? said;
  } catch (error) {
    tell(error.message);
  } finally {
    busy = false;
    asked -= 1;
    showWaiting();
  }
}

function hideGuess() {
  element("guess").hidden = true;
  element("guess").textContent = "";
}

async function toggleGuess() {
  const button = element("show-guess");
  if (state === null || state.task === null || button.disabled) return;
  if (!element("guess").hidden) {
    hideGuess();
    button.setAttribute("aria-expanded", "false");
    return;
  }
  const task = state.task;
  try {
    const guess = await ask(`guess?${new URLSearchParams({ cycle: task.cycle, sample: task.sample_id })}`);
    if (state.task !== task) return;
    const sure = guess.confidence === null ? "" : `, ${Math.round(guess.confidence * 100)} % sure`;
    element("guess").hidden = false;
    element("guess").textContent = `The model’s guess: ${guess.label}${sure}`;
    button.setAttribute("aria-expanded", "true");
  } catch (error) {
    tell(error.message);
  }
}

function toggleNeighbours() {
  wantsNeighbours = !wantsNeighbours;
  remember("neighbours", wantsNeighbours ? "on" : "off");
  showNeighbours();
}

async function showNeighbours() {
  element("show-neighbours").setAttribute("aria-expanded", String(wantsNeighbours));
  element("neighbours").hidden = !wantsNeighbours;
  if (!wantsNeighbours || state.task === null) return;
  const task = state.task;
  try {
    const alike = await ask(`similar?${new URLSearchParams({ sample: task.sample_id })}`);
    if (state.task === null || state.task.sample_id !== task.sample_id) return;
    element("neighbours-title").textContent = alike.length
      ? "Labelled images that look alike to the model"
      : "No labelled image to compare with yet";
    element("alike").replaceChildren(...alike.map(({ label, image }) => {
      const item = document.createElement("li");
      const picture = document.createElement("img");
      picture.addEventListener("load", () => {
        picture.classList.toggle("few-pixels", Math.max(picture.naturalWidth, picture.naturalHeight) < FEW_PIXELS);
      });
      picture.src = image;
      picture.alt = "";
      item.append(picture, label);
      return item;
    }));
  } catch (error) {
    tell(error.message);
  }
}

function toggleKeys() {
  keysOn = !keysOn;
  remember("keys", keysOn ? "on" : "off");
  showKeys();
}

function showKeys() {
  element("keys").setAttribute("aria-pressed", String(keysOn));
  element("keys").querySelector("kbd").textContent = keysOn ? "on" : "off";
}

function shownClasses() {
  return [...element("classes").children].filter((button) => !button.hidden);
}

// Names that begin with the text come first on Enter, then those that hold it.
function find() {
  const wanted = element("filter").value.trim().toLocaleLowerCase();
  for (const button of element("classes").children) {
    button.hidden = !button.dataset.label.toLocaleLowerCase().includes(wanted);
  }
  const shown = shownClasses();
  const first = wanted
    ? shown.find((button) => button.dataset.label.toLocaleLowerCase().startsWith(wanted)) ?? shown[0]
    : undefined;
  mark(first);
}

function mark(first) {
  for (const button of element("classes").children) button.classList.toggle("first", button === first);
  if (first) first.scrollIntoView({ block: "nearest" });
  const wanted = element("filter").value.trim();
  element("found").textContent = !wanted ? ""
    : first ? `Enter answers ${first.dataset.label}; ${shownClasses().length} found` : "No class is called so";
}

function inFilter(event) {
  const shown = shownClasses();
  const at = shown.findIndex((button) => button.classList.contains("first"));
  if (event.key === "Enter" && at >= 0) {
    shown[at].click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    mark(shown[Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), shown.length - 1)]);
  } else if (event.key === "Escape") {
    element("filter").value = "";
    find();
    element("filter").blur();
  } else {
    return;
  }
  event.preventDefault();
}

// Digits by where they are on the keyboard, since some layouts have other signs there; letters by what they write.
function keyOf(event) {
  const digit = /^Digit([0-9])$/.exec(event.code);
  return digit ? digit[1] : event.key.toLowerCase();
}

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !element("filter").value) {
    event.preventDefault();
    undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (event.target === element("filter")) {
    inFilter(event);
    return;
  }
  if (!keysOn) return;
  if (event.key === "/" && !element("finder").hidden) {
    event.preventDefault();
    element("filter").focus();
    return;
  }
  const key = keyOf(event);
  if (key in COMMANDS) {
    (COMMANDS[key] === "undo" && element("choice").hidden ? element("undo-last") : element(COMMANDS[key])).click();
  } else if (!element("choice").hidden) {
    [...element("classes").children].find((button) => keys.get(button.dataset.label) === key)?.click();
  }
}

element("picture").addEventListener("load", loaded);
element("picture").addEventListener("error", failed);
element("unsure").addEventListener("click", () => give({ status: "unsure" }));
element("skip").addEventListener("click", () => give({ status: "skip" }));
element("undo").addEventListener("click", undo);
element("undo-last").addEventListener("click", undo);
element("show-guess").addEventListener("click", toggleGuess);
element("show-neighbours").addEventListener("click", toggleNeighbours);
element("keys").addEventListener("click", toggleKeys);
element("filter").addEventListener("input", find);
document.addEventListener("keydown", pressed);
showKeys();
look();
