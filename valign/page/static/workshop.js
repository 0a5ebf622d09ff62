// A room full of people: large type, what they expect before they see what the model says, and a record of what was tried.
import { $, html, percent, scrolling } from "./charts.js";
import { pairs, time } from "./results.js";
import { pounds } from "./setting.js";

/**
 * @typedef {import("./engine.js").Ensemble} Ensemble
 * @typedef {{name: string, what: string, answer: string}} Answered  a trial
 * @typedef {{name: string, what: string, cost: number, middle: number, low: number, high: number, average: number | null, gain: number | null, runs: number, guess: number | null}} Tried
 */

const MOST_TRIED = 200, ENOUGH = 64; // runs before something counts as tried
const HEADS = ["Scenario", "What was set", "Cost", "People who use it (middle run)", "Nine runs of ten", "On average", "Against as it stands, points on average", "Expected", "Runs", "What a trial found"];

export class Workshop {
  /** @param {any} page */
  constructor(page) {
    this.page = page;
    /** @type {Map<string, Tried | Answered>} */ this.tried = new Map();
    /** @type {Map<string, number>} */ this.guesses = new Map();
    this.asking = false;
    const { scenario } = page.header;
    $("guess-text").textContent = `Of 100 people, how many do you expect to use ${scenario.innovation} after ${time(scenario.months)}?`;
    $("presenter").onclick = () => {
      const on = document.body.classList.toggle("presenting");
      $("presenter").setAttribute("aria-pressed", String(on));
    };
    $("ask-first").onclick = () => { this.asking = !this.asking; this.shown(); this.page.soon(); };
    /** @type {HTMLFormElement} */ ($("guess")).onsubmit = (event) => { event.preventDefault(); this.guessed(); };
    $("save-record").onclick = () => save("what-was-tried.csv", this.csv());
  }

  get key() {
    return this.page.settings.setting(this.page.store.shown).key;
  }

  /** What was expected of the setting that is shown, a share, while one guesses. */
  get expected() {
    return this.asking ? this.guesses.get(this.key) ?? null : null;
  }

  guessed() {
    const field = /** @type {HTMLInputElement} */ ($("guess-value")), value = Number(field.value);
    if (field.value.trim() === "" || !(value >= 0 && value <= 100)) { $("guess-said").textContent = "Enter a number from 0 to 100."; return; }
    this.guesses.set(this.key, value / 100);
    field.value = "";
    this.shown();
    this.page.soon();
    $("headline").focus({ preventScroll: true });
  }

  shown() {
    const hidden = this.asking && this.expected === null;
    document.body.classList.toggle("guessing", hidden);
    $("guess").hidden = !hidden;
    $("ask-first").setAttribute("aria-pressed", String(this.asking));
    for (const id of ["headline", "charts", "cards", "parts", "beside"]) $(id).toggleAttribute("inert", hidden);
    if (hidden) $("guess-said").textContent = "What the model says stays hidden until then.";
  }

  /** What a setting gave; compared with what was expected of it. @param {Ensemble} now @param {Ensemble | undefined} base */
  heard(now, base) {
    const { results, store, settings, engine } = this.page;
    const { middle, low, high } = results.middle(now, "uptake_final"), guess = this.expected;
    const at = $("expected");
    at.hidden = guess === null;
    if (guess !== null) {
      const inside = guess >= low && guess <= high ? "within the range of nine runs of ten" : guess < low ? "below the range of nine runs of ten" : "above the range of nine runs of ten";
      at.textContent = `You expected ${percent(guess)}. The middle run has ${percent(middle)}; your number is ${inside}.`;
    }
    if (now.done < ENOUGH) return;
    const gains = base ? pairs(engine, now, base, "uptake_final") : null;
    const before = this.tried.get(this.key); // another scenario may come by the same setting
    this.tried.set(this.key, { name: before?.name ?? (this.page.isBase ? settings.base.name : store.shown.name), what: settings.summary(store.shown), cost: settings.spent(store.shown)[1], middle, low, high, average: gains?.found.length ? gains.now : null, gain: gains?.found.length ? gains.difference : null, runs: now.done, guess: this.guesses.get(this.key) ?? null });
    this.record();
  }

  /** A trial, and what it answered. @param {string} question @param {string} what @param {string} answer */
  answered(question, what, answer) {
    this.tried.delete(`${question} ${what}`);
    this.tried.set(`${question} ${what}`, { name: `Trial: ${question}`, what, answer });
    this.record();
  }

  record() {
    while (this.tried.size > MOST_TRIED) this.tried.delete(/** @type {string} */ (this.tried.keys().next().value));
    $("record").replaceChildren(scrolling("What was tried", HEADS, this.rows(), { class: "ranked" }));
  }

  rows() {
    return [...this.tried.values()].map((each) => ("answer" in each ? [each.name, each.what, ...HEADS.slice(3).map(() => ""), each.answer] : [each.name, each.what, pounds(each.cost), percent(each.middle), `${percent(each.low)} to ${percent(each.high)}`,
      each.average === null ? "" : percent(each.average), each.gain === null ? "" : `${each.gain < 0 ? "−" : "+"}${Math.abs(100 * each.gain).toFixed(1)}`, each.guess === null ? "" : percent(each.guess), String(each.runs), ""]));
  }

  csv() {
    // a field that begins like a formula would be one in a spreadsheet
    const cell = (/** @type {string} */ text) => `"${(/^[=+\-@\t]/.test(text) && !/^[+-][\d.]+$/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    return [HEADS, ...this.rows()].map((row) => row.map(cell).join(",")).join("\r\n");
  }
}

/** Hand a text over as a file. @param {string} name @param {string} text */
export function save(name, text) {
  const link = /** @type {HTMLAnchorElement} */ (html("a", { href: `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`, download: name }));
  document.body.append(link);
  link.click();
  link.remove();
}
