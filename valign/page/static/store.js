// What people made: up to five named scenarios, which is shown and which it is held against; undone, redone, kept, sent.
import { tidy } from "./setting.js";

/**
 * @typedef {import("./setting.js").Scenario} Scenario
 * @typedef {{scenarios: Scenario[], shown: number, against: number, all: boolean, budget: number, question: string}} State
 *   against: the number of a scenario, or -1: as it stands
 */

export const MOST_SCENARIOS = 5;
const TRIED = "Tried";
const VERSION = 2, MOST_LINK = 6000, MOST_TEXT = 60000, MOST_BUDGET = 1e9, MOST_UNDONE = 100;
const TOGETHER_MS = 700; // moves of one lever that are undone together

export class Store {
  /** @param {import("./setting.js").Settings} settings */
  constructor(settings) {
    this.settings = settings;
    const { header } = settings;
    this.place = `valign:${VERSION}:${header.scenario.name}:${header.kernels.slice(0, 12)}`;
    /** @type {State} */
    this.state = { scenarios: [fresh("Scenario 1")], shown: 0, against: -1, all: false, budget: header.budget, question: "" };
    /** @type {string[]} */ this.past = [];
    /** @type {string[]} */ this.future = [];
    /** @type {() => void} */ this.onchange = () => {};
    this.last = { what: "", at: 0 };
  }

  get shown() {
    return this.state.scenarios[this.state.shown];
  }

  get against() {
    return this.state.scenarios[this.state.against] ?? this.settings.base;
  }

  /** Change something so that it can be undone; `what` names a lever whose moves belong together. @param {(state: State) => void} how @param {string} [what] */
  change(how, what = "") {
    const before = JSON.stringify(this.state), now = performance.now();
    how(this.state);
    if (JSON.stringify(this.state) === before) return;
    if (!(what && what === this.last.what && now - this.last.at < TOGETHER_MS)) this.past = [...this.past, before].slice(-MOST_UNDONE);
    this.last = { what, at: now };
    this.future = [];
    this.changed();
  }

  /** Ask another question: nothing that can be undone. @param {string} question */
  view(question) {
    this.state.question = question;
    this.changed();
  }

  changed() {
    this.save();
    this.onchange();
  }

  undo() {
    this.step(this.past, this.future);
  }

  redo() {
    this.step(this.future, this.past);
  }

  /** @param {string[]} from @param {string[]} to */
  step(from, to) {
    const found = from.pop();
    if (found === undefined) return;
    to.push(JSON.stringify(this.state));
    this.state = { ...JSON.parse(found), question: this.state.question };
    this.last = { what: "", at: 0 };
    this.changed();
  }

  // --- scenarios ----------------------------------------------------------------------------------------------------
  /** A further scenario: empty, or as the one that is shown. @param {boolean} same */
  add(same) {
    if (this.state.scenarios.length >= MOST_SCENARIOS) return;
    this.change((state) => {
      const names = state.scenarios.map((each) => each.name);
      const name = [1, 2, 3, 4, 5, 6].map((n) => `Scenario ${n}`).find((each) => !names.includes(each)) ?? "Scenario";
      state.scenarios.push(same ? { ...structuredClone(this.shown), name } : fresh(name));
      state.shown = state.scenarios.length - 1;
    });
  }

  /** Show what was tried, in a scenario of its own where there is room for one. @param {Scenario} found @param {() => void} before what is done before others hear of it */
  tried({ values, actions }, before) {
    this.change((state) => {
      const place = () => state.scenarios.findIndex(({ name }) => name === TRIED);
      if (place() < 0 && state.scenarios.length < MOST_SCENARIOS) state.scenarios.push(fresh(TRIED));
      if (place() >= 0) state.shown = place();
      if (state.against === state.shown) state.against = -1;
      Object.assign(state.scenarios[state.shown], structuredClone({ values, actions }));
      before();
    });
  }

  remove() {
    this.change((state) => {
      state.scenarios.splice(state.shown, 1);
      if (!state.scenarios.length) state.scenarios.push(fresh("Scenario 1"));
      if (state.against === state.shown) state.against = -1;
      else if (state.against > state.shown) state.against--;
      state.shown = Math.min(state.shown, state.scenarios.length - 1);
    });
  }

  /** @param {string} name */
  rename(name) {
    const others = this.state.scenarios.filter((each) => each !== this.shown).map((each) => each.name);
    let found = tidy(name);
    for (let n = 2; others.includes(found) || found === this.settings.base.name; n++) found = `${tidy(name).slice(0, 20)} ${n}`;
    this.change(() => { this.shown.name = found; });
  }

  /** @param {string} key @param {number | null} value */
  set(key, value) {
    const lever = this.settings.levers.find((each) => each.key === key);
    this.change(() => {
      if (value === lever.value) delete this.shown.values[key];
      else this.shown.values[key] = value;
    }, key);
  }

  /** @param {string} id @param {import("./setting.js").Done | null} done @param {string} [what] */
  act(id, done, what = "") {
    this.change(() => {
      if (done) this.shown.actions[id] = done;
      else delete this.shown.actions[id];
    }, what);
  }

  // --- to and from outside --------------------------------------------------------------------------------------------
  /** Take over what came from outside; throws a sentence where it does not fit this page. @param {any} given */
  take(given) {
    const list = given?.scenarios;
    if (given?.version !== VERSION || !Array.isArray(list) || !list.length || list.length > MOST_SCENARIOS) throw new Error("It does not hold scenarios of this page.");
    const scenarios = list.map((each) => this.settings.checked(each));
    if (new Set(scenarios.map((each) => each.name)).size < scenarios.length) throw new Error("It names two scenarios alike.");
    const whole = (/** @type {any} */ n, /** @type {number} */ low) => Number.isInteger(n) && n >= low && n < scenarios.length;
    const { shown, against, all, budget, question } = given;
    const questions = ["", ...this.settings.header.questions.map((/** @type {any} */ each) => each.id)];
    if (!whole(shown, 0) || !whole(against, -1) || typeof all !== "boolean" || !questions.includes(question)) throw new Error("It does not say which scenario is shown.");
    if (!(typeof budget === "number" && budget >= 0 && budget <= MOST_BUDGET)) throw new Error("Its budget is no sum of money.");
    this.state = { scenarios, shown, against, all, budget, question };
  }

  given() {
    return { version: VERSION, ...this.state };
  }

  /** The address that carries all of it. */
  async link() {
    const packed = await through(new Blob([JSON.stringify(this.given())]), new CompressionStream("deflate-raw"), MOST_TEXT);
    const text = btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return `${location.href.split("#")[0]}#s=${text}`;
  }

  /** Read the address; throws a sentence. @param {string} hash */
  async fromLink(hash) {
    const text = hash.replace(/^#/, "");
    if (text.length > MOST_LINK) throw new Error("It is too long.");
    if (!/^s=[\w-]+$/.test(text)) throw new Error("It is none of this page's.");
    let found;
    try {
      const packed = Uint8Array.from(atob(text.slice(2).replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
      const bytes = await through(new Blob([packed]), new DecompressionStream("deflate-raw"), MOST_TEXT);
      found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      throw new Error("It is damaged or incomplete.");
    }
    this.take(found);
  }

  save() {
    try {
      localStorage.setItem(this.place, JSON.stringify(this.given()));
    } catch {
      // no storage, or it is full: the link carries all of it
    }
  }

  /** What this browser had saved; says in a sentence why it was left out. */
  load() {
    let text = null;
    try {
      text = localStorage.getItem(this.place);
    } catch {
      return "";
    }
    if (text === null) return "";
    try {
      if (text.length > MOST_TEXT) throw new Error("It is too long.");
      this.take(JSON.parse(text));
      return "";
    } catch {
      return "What this browser had saved for this page was damaged and has been left out.";
    }
  }
}

/** @param {string} name @returns {Scenario} */
function fresh(name) {
  return { name, values: {}, actions: {} };
}

/** Bytes through a stream that packs or unpacks, and no more than `most` of them. @param {Blob} blob @param {any} stream @param {number} most */
async function through(blob, stream, most) {
  const reader = blob.stream().pipeThrough(stream).getReader();
  /** @type {number[]} */
  const found = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Uint8Array.from(found);
    if (found.length + value.length > most) {
      await reader.cancel();
      throw new Error("It is too long.");
    }
    for (const each of value) found.push(each);
  }
}
