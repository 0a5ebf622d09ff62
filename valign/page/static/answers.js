// What groups of people hold important: fields for the averages of one's own questionnaire, how far a group is from what
// the innovation stands for, and what it would be if it came closer.
import { $, html, scrolling } from "./charts.js";
import { mean } from "./results.js";

/** @typedef {import("./setting.js").Scenario} Scenario */
/** @typedef {{who: string, writes: [string, number[], number][]}} Group  whose own answers are moved: what the engine writes */
/** @typedef {{values: {label: string, stands: number, counts: number}[], people: {who: string, at: number, own: (number | null)[]}[]}} Asked  people's own answers, value by value (none: not known), and where the first of them is written */
/** @typedef {{who: string, away: number, value: string, own: number, stands: number}} Distance  value: where it counts most, and the average answers there */

const LOWEST = 1, HIGHEST = 5; // answers of the questionnaire
const answer = (/** @type {number} */ value) => LOWEST + (HIGHEST - LOWEST) * value;

export class Answers {
  /** @param {import("./store.js").Store} store @param {Asked | null} asked where people's own answers stand for what they hold important */
  constructor(store, asked) {
    this.store = store;
    this.settings = store.settings;
    /** What profiles hold important, or else people. @type {any[]} */
    this.levers = asked ? asked.people.flatMap(({ who, at, own }, n) => own.flatMap((value, k) => (value === null ? [] : [{ key: `${n}.${k}`, who, value, at: at + k, ...asked.values[k] }])))
      : this.settings.levers.filter((each) => each.kind === "answer");
    this.groups = [...new Set(this.levers.map(({ who }) => who))];
    /** @type {{field: HTMLInputElement, levers: any[]}[]} */ this.fields = [];
    if (this.levers.some(({ items }) => items)) this.table();
  }

  /** Fields for averages: a row a value, a column a group. */
  table() {
    const labels = [...new Set(this.levers.map(({ label }) => label))];
    const rows = labels.map((label) => {
      const [first] = this.levers.filter((each) => each.label === label);
      return [`${label} (${first.items})`, answer(first.stands).toFixed(1), ...this.groups.map((who) => this.field(who, label))];
    });
    $("averages").append(scrolling("Average answers by group", ["What matters (items)", "It stands for", ...this.groups], rows, { class: "ranked" }));
  }

  /** @param {string} who @param {string} label */
  field(who, label) {
    const levers = this.levers.filter((each) => each.who === who && each.label === label);
    const field = /** @type {HTMLInputElement} */ (html("input", { type: "number", min: LOWEST, max: HIGHEST, step: 0.1, inputmode: "decimal", "aria-label": `${who}, ${label}: average answer`, placeholder: answer(mean(levers.map(({ value }) => value))).toFixed(1) }));
    field.onchange = () => {
      const typed = field.value.trim() === "" ? null : Number(field.value);
      if (typed !== null && !(typed >= LOWEST && typed <= HIGHEST)) return this.shown();
      this.store.change((state) => {
        const { values } = state.scenarios[state.shown];
        for (const { key } of levers) {
          if (typed === null) delete values[key];
          else values[key] = Number(((typed - LOWEST) / (HIGHEST - LOWEST)).toFixed(4));
        }
      });
    };
    this.fields.push({ field, levers });
    return field;
  }

  shown() {
    const { values } = this.store.shown;
    for (const { field, levers: [{ key }] } of this.fields) field.value = Object.hasOwn(values, key) ? String(Number(answer(Number(values[key])).toFixed(2))) : "";
  }

  /** Groups whose averages were typed in. @param {Scenario} scenario @returns {string[]} */
  typed(scenario) {
    return this.groups.filter((who) => this.levers.some((each) => each.who === who && Object.hasOwn(scenario.values, each.key)));
  }

  /** Profiles, or people, of a group: their levers. @param {string} who @returns {any[][]} */
  profiles(who) {
    const found = new Map();
    for (const each of this.levers.filter((one) => one.who === who)) {
      const name = each.key.slice(0, each.key.lastIndexOf("."));
      found.set(name, [...(found.get(name) ?? []), each]);
    }
    return [...found.values()];
  }

  /** The mean distance from what the innovation stands for, weighed as values count for fit. @param {Scenario} scenario @param {any[]} levers */
  away(scenario, levers) {
    return levers.reduce((sum, each) => sum + each.counts * Math.abs(this.settings.value(scenario, each) - each.stands), 0) / levers.reduce((sum, { counts }) => sum + counts, 0);
  }

  /** Every group's distance, the largest first, and the value in which it counts most. @param {Scenario} scenario @returns {Distance[]} */
  distances(scenario) {
    return this.groups.map((who) => {
      const levers = this.levers.filter((each) => each.who === who);
      const values = [...new Set(levers.map(({ label }) => label))].map((value) => {
        const of = levers.filter(({ label }) => label === value), own = of.map((each) => this.settings.value(scenario, each)), [{ counts, stands }] = of;
        return { value, lost: counts * mean(own.map((each) => Math.abs(each - stands))), own: answer(mean(own)), stands: answer(stands) };
      });
      const { value, own, stands } = values.reduce((one, other) => (other.lost > one.lost ? other : one));
      return { who, away: mean(this.profiles(who).map((each) => this.away(scenario, each))), value, own, stands };
    }).sort((a, b) => b.away - a.away);
  }

  /** A group come so much closer: the values of its profiles, or of its people. @param {Scenario} scenario @param {string} who @param {number} closer @returns {{values: Record<string, number>} | {group: Group}} */
  moved(scenario, who, closer) {
    const moved = this.profiles(who).flatMap((levers) => {
      const away = this.away(scenario, levers), part = away ? Math.min(1, closer / away) : 0;
      return levers.map((each) => ({ each, to: Number((this.settings.value(scenario, each) + part * (each.stands - this.settings.value(scenario, each))).toFixed(4)) }));
    });
    if (moved[0].each.at !== undefined) return { group: { who, writes: moved.map(({ each, to }) => ["survey", [each.at], to]) } };
    return { values: { ...scenario.values, ...Object.fromEntries(moved.map(({ each, to }) => [each.key, to])) } };
  }
}
