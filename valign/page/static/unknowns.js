// What is not known, in order of how much of the differences between worlds goes with it: rank correlations over the runs
// of the page. What the same seeds do at usual values is taken away first: it is chance.
import { $, bars, html, quantile, scrolling, written } from "./charts.js";
import { withUnit } from "./setting.js";

/** @typedef {import("./engine.js").Ensemble} Ensemble */
/** @typedef {{label: string, meaning: string, unit: string, low: number, high: number, grade: string}} Words */

const SAID = new Set(["share", "months", "a year", "meetings a year", "people", "services", "clients", "£ per £1"]); // units of ranges that people can read
const FEWEST = 64, SHOWN = 8, LEAST = 3, SHIFTS = 5; // runs; unknowns in the figure at most and at least; runs between two shifts of the outcome

/** Ranks from 0, equal values sharing theirs, about their mean and of length 1. @param {ArrayLike<number>} values */
export function ranks(values) {
  const order = Array.from(values, (_, n) => n).sort((a, b) => values[a] - values[b]), found = new Float64Array(order.length);
  for (let n = 0, m = 0; n < order.length; n = m) {
    while (m < order.length && values[order[m]] === values[order[n]]) m++;
    for (let k = n; k < m; k++) found[order[k]] = (n + m - 1) / 2 - (order.length - 1) / 2;
  }
  const length = Math.sqrt(found.reduce((sum, each) => sum + each * each, 0));
  return length ? found.map((each) => each / length) : found;
}

/** What of one ranking does not go with another, of length 1. @param {Float64Array} one @param {Float64Array} other */
function without(one, other) {
  const shared = one.reduce((sum, each, n) => sum + each * other[n], 0), rest = one.map((each, n) => each - shared * other[n]);
  const length = Math.sqrt(rest.reduce((sum, each) => sum + each * each, 0));
  return length > 1e-9 ? rest.map((each) => each / length) : rest;
}

export class Unknowns {
  /** @param {any} engine @param {ArrayBuffer} data @param {Record<string, Words>} words */
  constructor(engine, data, words) {
    this.engine = engine;
    this.worlds = engine.header.worlds;
    this.words = words;
    /** @type {[Ensemble | undefined, Ensemble | undefined]} */ this.last = [undefined, undefined];
    /** With what the ranking that is shown was made; empty while none is. @type {any[]} */ this.shown = [];
    $("unknowns").hidden = !this.worlds;
    if (!this.worlds) return;
    const { keys, count, values } = this.worlds;
    this.values = new Float64Array(data, values, count * keys.length);
    this.of = /** @type {HTMLSelectElement} */ ($("unknowns-of"));
    this.of.append(...engine.header.cards.map((/** @type {any} */ { name, label }) => html("option", { value: name }, label)));
    this.of.onchange = () => this.draw(...this.last);
  }

  /** Rank correlation of each unknown with an outcome, the largest first, and how large chance alone makes the largest, again and again. @param {Ensemble} ensemble @param {Ensemble} usual @param {string} name */
  ranking(ensemble, usual, name) {
    const { keys, count } = this.worlds, outcome = this.engine.outcome(ensemble, name), same = this.engine.outcome(usual, name);
    const runs = outcome.flatMap((/** @type {number} */ each, /** @type {number} */ n) => (Number.isFinite(each) && Number.isFinite(same[n]) ? [n] : []));
    const of = without(ranks(runs.map((/** @type {number} */ run) => outcome[run])), ranks(runs.map((/** @type {number} */ run) => same[run])));
    const columns = keys.map((/** @type {string} */ _, /** @type {number} */ k) => ranks(runs.map((/** @type {number} */ run) => /** @type {Float64Array} */ (this.values)[(run % count) * keys.length + k])));
    const along = (/** @type {Float64Array} */ column, /** @type {number} */ shift) => column.reduce((sum, each, n) => sum + each * of[(n + shift) % of.length], 0);
    const largest = []; // with the outcomes of other worlds nothing but chance is left
    for (let shift = SHIFTS; shift < of.length; shift += SHIFTS) largest.push(Math.max(...columns.map((/** @type {Float64Array} */ each) => Math.abs(along(each, shift)))));
    const found = keys.map((/** @type {string} */ key, /** @type {number} */ k) => ({ key, ...this.words[key], value: along(columns[k], 0) }));
    return { name, runs: runs.length, largest, found: found.sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(b.value) - Math.abs(a.value)) };
  }

  /** @param {Ensemble | undefined} ensemble over worlds @param {Ensemble | undefined} now the same at usual values */
  draw(ensemble, now) {
    const before = this.shown, name = this.of?.value ?? "", narrow = window.innerWidth < 700;
    this.last = [ensemble, now];
    this.shown = [];
    if (!this.of || !ensemble || !now) return;
    const all = this.engine.header.seeds.length, done = Math.min(ensemble.done, now.done);
    if (done < all) return $("unknowns-found").replaceChildren(html("p", {}, `${done} of ${all} runs with what is not known are there; which of it matters most is said when all are.`));
    this.shown = [ensemble, now, name, narrow];
    if (this.shown.every((each, n) => each === before[n])) return; // all runs are there: it would be the same again
    const every = this.engine.header.cards.map((/** @type {any} */ { name }) => this.ranking(ensemble, now, name)).filter((/** @type {any} */ { runs }) => runs >= FEWEST);
    const shown = every.find((/** @type {any} */ each) => each.name === name);
    if (!shown) return $("unknowns-found").replaceChildren(html("p", {}, "This is seen in too few runs to say."));
    const { runs, found } = shown, floor = this.floor(every);
    const clear = found.filter((/** @type {any} */ each) => Math.abs(each.value) > floor).length, half = 1.96 / Math.sqrt(runs - 3);
    const end = (/** @type {number} */ value, /** @type {number} */ by) => Math.tanh(Math.atanh(value) + by);
    const drawn = found.slice(0, Math.min(SHOWN, clear || LEAST));
    const rows = drawn.map((/** @type {any} */ { label, value }) => ({ label, value, low: end(value, -half), high: end(value, half) }));
    const say = (/** @type {any} */ { label, value }) => `${label} (${Math.round(100 * value * value)} % of the differences; the more of it, the ${value > 0 ? "higher" : "lower"})`;
    const meant = (/** @type {any} */ { label, meaning, unit, low, high, grade }) => html("li", {}, html("b", {}, label), `: ${meaning}${SAID.has(unit) ? `; between ${withUnit(low, unit)} and ${withUnit(high, unit)}` : ""}; ${grade}`);
    const [chance, both] = this.widths(ensemble, now, name);
    const rest = `the other ${found.length - clear} cannot be told from chance in these ${runs} runs`;
    const text = clear ? `What one would most want to know: ${found.slice(0, Math.min(clear, SHOWN)).map(say).join("; ")}. ${clear > SHOWN ? `${clear} of ${found.length} unknowns stand out; ` : `Of ${found.length} unknowns that differ between these runs, `}${rest}.` : `Of the ${found.length} unknowns that differ between these runs, none stands out from chance in these ${runs} runs; the figure shows the largest all the same.`;
    $("unknowns-found").replaceChildren(html("p", { class: "answer" }, `Nine runs of ten give ${chance} by chance alone, and ${both} with what is not known. ${text}`),
      html("details", {}, html("summary", {}, "What each of these is, and how it is known"), html("ul", {}, ...drawn.map(meant))),
      this.all(ensemble, now, every, floor),
      bars(`How closely this goes with what is not known: 1, the order of the runs is the same; 0, no connection; −1, the reverse. Lines: 95 % intervals; the largest of ${found.length}, over all outcomes, reaches ${floor.toFixed(2)} by chance alone`, rows, narrow, narrow ? ["lower with more", "higher with more"] : ["the more, the lower", "the more, the higher"]),
      html("p", { class: "how" }, "Each run over worlds has other values of everything that is not known, drawn from those that agree with published facts; what the same draws of chance do at usual values is taken away first. The numbers are rank correlations, a share is one of them squared, one unknown at a time: unknowns that go together share theirs, so shares do not add up; the rest is chance, and what works only in combination. ", html("code", {}, "valign sensitivity"), " takes them apart; whether knowing one would change what to buy is weighed by ", html("code", {}, "valign decide"), "."));
  }

  /** Between which values nine runs of ten lie, by chance and with what is not known. @param {Ensemble} ensemble @param {Ensemble} now @param {string} name */
  widths(ensemble, now, name) {
    const words = this.engine.header.words.outcomes.find((/** @type {any} */ each) => each.name === name), kind = words.unit === "£1,000" ? "pounds" : words.kind;
    const [chance, both] = [now, ensemble].map((each) => {
      const found = this.engine.outcome(each, name).filter(Number.isFinite).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
      return `${written(quantile(found, 0.05), kind)} to ${written(quantile(found, 0.95), kind)}`;
    });
    return [chance, both];
  }

  /** How large chance alone makes the largest correlation of any unknown with any outcome, in 95 % of cases. @param {any[]} every rankings */
  floor(every) {
    const times = Math.min(...every.map(({ largest }) => largest.length));
    const largest = Array.from({ length: times }, (_, n) => Math.max(...every.map((each) => each.largest[n])));
    return quantile(largest.sort((a, b) => a - b), 0.95);
  }

  /** Every outcome in a row: how far runs lie apart, and which unknown goes with it most. @param {Ensemble} ensemble @param {Ensemble} now @param {any[]} every rankings @param {number} floor */
  all(ensemble, now, every, floor) {
    const labels = new Map(this.engine.header.cards.map((/** @type {any} */ { name, label }) => [name, label]));
    const rows = every.map(({ name, found: [most] }) => [labels.get(name), ...this.widths(ensemble, now, name), Math.abs(most.value) > floor ? `${most.label} (${Math.round(100 * most.value * most.value)} %)` : "none stands out from chance"]);
    const title = "Nine runs of ten, and the unknown that goes with most of the differences";
    return scrolling(title, ["Outcome", "By chance alone", "With what is not known", "Most wanted to know (its share of the differences)"], rows, { class: "ranked" }, html("caption", {}, title));
  }
}
