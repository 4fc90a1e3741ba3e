// The pages of the study and the way through them. The participant's token is behind # in the address.

import { expose } from "./exposure.js";
import { Refused, requester } from "./requests.js";

const EARLIEST = 250; // ms; a choice sooner than that belongs to the pair before
const FIXATION = 600; // ms
const NOISE = 300; // ms of noise over the pictures, which ends their after-image
const GAP = 16; // pixels between the pictures, as in study.css
const SIDES = ["left", "right"];

const byId = (id) => document.getElementById(id);
const token = () => location.hash.slice(1);
const ask = requester(token, (lost) => (byId("lost").hidden = !lost));
const askForJson = async (path, body) => JSON.parse(await (await ask(path, body)).text());
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let study; // texts and numbers, as the server gives them
let trial; // the pair that is due
let since = 0; // when a choice became possible, on the clock of performance.now()
let frames = null; // of the exposure
const loading = new Map(); // position of a pair to the promise of its pictures

// --- pages -----------------------------------------------------------------------------------------------------------

function turnTo(page) {
  if (document.body.dataset.page === page) return;
  document.body.dataset.page = page;
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== page;
  scrollTo(0, 0);
  byId(page).querySelector("h1").focus(); // what reads the page aloud begins there
}

function introduce() {
  const limited = study.exposures.length > 0;
  for (const each of document.querySelectorAll(".limited")) each.hidden = !limited;
  for (const each of document.querySelectorAll(".unlimited")) each.hidden = limited;
  if (limited) {
    byId("shortest").textContent = spoken(Math.min(...study.exposures));
    byId("longest").textContent = spoken(Math.max(...study.exposures));
  }
  byId("pairs").textContent = study.pairs;
  byId("minutes").textContent = study.minutes === 1 ? "a minute" : `${study.minutes} minutes`;
  turnTo("introduction");
}

function spoken(seconds) {
  const parts = Math.round(1 / seconds);
  if (seconds === 0.5) return "half a second";
  if (seconds < 1 && parts * seconds === 1) return `1/${parts} of a second`;
  return seconds === 1 ? "one second" : `${seconds} seconds`;
}

function finish() {
  byId("token").textContent = token();
  turnTo("end");
}

function stop(error) {
  const unknown = error.status === 401;
  byId("trouble-title").textContent = unknown ? "This link leads nowhere" : "The study cannot go on here";
  byId("trouble-detail").textContent = unknown
    ? "It does not belong to this study. Perhaps a part of it was lost on the way."
    : error.message;
  byId("onward").textContent = unknown ? "To the first page" : "Try again";
  byId("onward").onclick = () => (unknown ? location.replace(location.pathname) : location.reload());
  turnTo("trouble");
}

/** Runs what a person asked for; what the server refuses is told on a page of its own. */
function attempt(action) {
  return action().catch((error) => {
    stop(error);
    if (!(error instanceof Refused)) throw error;
  });
}

// --- pictures --------------------------------------------------------------------------------------------------------

/** Loads and decodes the pictures of a pair: left, right and, where there is one, the reference. */
function pictures(position) {
  if (!loading.has(position)) {
    loading.set(position, Promise.all([...SIDES, "reference"].map((side) => picture(position, side))));
  }
  return loading.get(position);
}

async function picture(position, side) {
  const content = await ask(`api/pictures/${position}/${side}`);
  if (!content.size) return null; // there is no reference
  const image = new Image();
  image.src = URL.createObjectURL(content);
  image.draggable = false;
  await image.decode().catch(() => {
    throw new Error("A picture of this pair cannot be shown. Please tell those who asked you to take part.");
  });
  return image;
}

function preload(position) {
  if (position < trial.total) pictures(position).catch(() => loading.delete(position)); // asked for again when due
}

async function forget(position) {
  const images = loading.get(position);
  loading.delete(position);
  for (const image of (await images?.catch(() => [])) ?? []) if (image) URL.revokeObjectURL(image.src);
}

/** Side by side, or one above the other where that makes the pictures much larger. */
function arrange() {
  const stage = byId("stage");
  const ratio = Number(stage.style.getPropertyValue("--ratio")) || 1;
  const style = getComputedStyle(byId("trial"));
  const rows = [...byId("trial").children].filter((row) => row !== stage && !row.hidden);
  const used = rows.reduce((sum, row) => sum + row.offsetHeight + parseFloat(style.rowGap), 0);
  const width = byId("trial").clientWidth - 2 * parseFloat(style.paddingLeft);
  const height = Math.max(innerHeight - used - 2 * parseFloat(style.paddingTop), 240);
  const name = byId("left").querySelector(".name").offsetHeight;
  const beside = Math.min((width - GAP) / 2, (height - name) * ratio);
  const above = Math.min(width, ((height - GAP) / 2 - name) * ratio);
  const stacked = above > 1.25 * beside;
  stage.classList.toggle("stacked", stacked);
  stage.style.setProperty("--width", `${Math.floor(stacked ? above : beside)}px`);
  const names = stacked ? ["Above", "Below"] : ["Left", "Right"];
  const arrows = stacked ? ["↑", "↓"] : ["←", "→"];
  SIDES.forEach((side, index) => {
    const choice = byId(side);
    choice.querySelector(".name span").textContent = names[index];
    choice.querySelector(".name kbd").textContent = arrows[index];
    choice.querySelector(".arrow").textContent = arrows[index];
  });
}

function paintNoise() {
  for (const canvas of document.querySelectorAll(".noise")) {
    [canvas.width, canvas.height] = [64, 64];
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(64, 64);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const grey = 60 + 140 * Math.random();
      pixels.data.set([grey, grey, grey, 255], at);
    }
    context.putImageData(pixels, 0, 0);
  }
}

// --- one pair --------------------------------------------------------------------------------------------------------

function enter(state, hint = "") {
  byId("trial").dataset.state = state;
  byId("hint").textContent = hint;
  since = performance.now();
}

const state = () => byId("trial").dataset.state;

async function present(next, welcome = "") {
  trial = next;
  if (trial.position === trial.total) return finish();
  turnTo("trial");
  const limited = trial.exposure !== null;
  byId("trial").toggleAttribute("data-open", !limited);
  byId("progress").max = trial.total;
  byId("progress").value = trial.position;
  byId("count").textContent = `Pair ${trial.position + 1} of ${trial.total}`;
  for (const side of SIDES) byId(side).classList.remove("chosen");
  enter("loading", "Loading the pictures …");
  const [left, right, reference] = await pictures(trial.position);
  left.alt = "First picture";
  right.alt = "Second picture";
  byId("stage").style.setProperty("--ratio", left.naturalWidth / left.naturalHeight);
  byId("left").querySelector(".image").replaceChildren(left);
  byId("right").querySelector(".image").replaceChildren(right);
  byId("reference").hidden = !reference;
  if (reference) {
    const photo = study.reference_kind === "photo";
    reference.alt = photo ? "The real photo" : "The map of this scene";
    byId("reference").firstElementChild.replaceChildren(reference);
    byId("reference").querySelector("figcaption").textContent = reference.alt;
  }
  arrange();
  frames = null;
  enter(limited ? "ready" : "choose", limited ? "" : welcome);
  if (!limited) {
    countShowing();
    preload(trial.position + 1);
  }
}

async function showForATime() {
  enter("fixation");
  await pause(FIXATION);
  countShowing();
  paintNoise();
  frames = await expose(1000 * trial.exposure, () => enter("shown"), () => enter("masked"));
  await pause(NOISE);
  enter("choose", "Which one was it?");
  since = frames.masked_ms;
  preload(trial.position + 1); // not earlier: decoding would disturb the frames
}

async function choose(side) {
  if (state() === "ready") return showForATime();
  if (state() !== "choose" || performance.now() - since < EARLIEST) return;
  const answer = { position: trial.position, choice: side, reaction_ms: performance.now() - since, frames, showings: showings() };
  byId(side).classList.add("chosen");
  enter("sending");
  const answered = trial.position;
  let next;
  try {
    next = await askForJson("api/answers", answer);
  } catch (error) {
    if (error.status !== 409) throw error;
    next = await askForJson("api/trial"); // answered in another tab
  }
  forget(answered);
  await present(next);
}

// How often the pair that is due was shown, over reloads of the page; without storage only this once is known.
const counter = () => `showings ${token()} ${trial.position}`;
let known = 1;

function countShowing() {
  known = 1;
  try {
    known = Number(localStorage.getItem(counter()) ?? 0) + 1;
    localStorage.setItem(counter(), known);
    localStorage.removeItem(`showings ${token()} ${trial.position - 1}`);
  } catch {
    // The browser keeps nothing for this page.
  }
}

const showings = () => known;

// --- events ----------------------------------------------------------------------------------------------------------

const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "left", ArrowDown: "right", 1: "left", 2: "right" };

addEventListener("keydown", (event) => {
  if (document.body.dataset.page !== "trial" || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const stacked = byId("stage").classList.contains("stacked");
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (state() === "ready" && (event.key === " " || event.key === "Enter")) {
    if (document.activeElement.closest("footer")) return;
    event.preventDefault();
    attempt(showForATime);
  } else if (state() === "choose" && event.key in KEYS && (stacked || !vertical)) {
    event.preventDefault();
    attempt(() => choose(KEYS[event.key]));
  }
});
for (const side of SIDES) byId(side).addEventListener("click", () => attempt(() => choose(side)));
byId("show").addEventListener("click", () => state() === "ready" && attempt(showForATime));
addEventListener("resize", arrange);
addEventListener("hashchange", () => location.reload());

byId("begin").addEventListener("click", () =>
  attempt(async () => {
    byId("begin").disabled = true;
    const begun = await askForJson("api/participants", { consent: true });
    history.replaceState(null, "", `#${begun.token}`);
    await present(await askForJson("api/trial"));
  }),
);

function copies(button, text) {
  const label = byId(button).textContent;
  byId(button).addEventListener("click", async () => {
    const copied = await navigator.clipboard?.writeText(text()).then(() => true, () => false);
    if (!copied) prompt("Copy this:", text());
    byId(button).textContent = "Copied";
    await pause(1500);
    byId(button).textContent = label;
  });
}
copies("copy-link", () => location.href);
copies("copy-token", token);

attempt(async () => {
  study = await askForJson("api/study");
  document.title = study.title;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = study[each.dataset.text];
  if (!token()) return introduce();
  const due = await askForJson("api/trial");
  await present(due, due.position ? `Welcome back. You go on with pair ${due.position + 1}.` : "");
});
