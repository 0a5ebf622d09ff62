// What is drawn of the ensembles: sentence, charts, numbers, what moved alignment. Quantiles and differences in pairs only.
import { $, bars, curves, html, percent, quantile, summary, written } from "./charts.js";

/** @typedef {import("./engine.js").Ensemble} Ensemble */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {{name: string, ensemble: Ensemble | undefined}} Named */
/** @typedef {{now: Ensemble | undefined, against: Ensemble | undefined}} Worlds */

const CHANCE = "chance: 9 in 10 runs", UNKNOWN = "not knowing", MIDDLE = "middle run";
const OVER_WORLDS = 64; // runs over worlds before they are told of
const COLOURS = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5"], DASHES = ["", "9 4", "3 3", "10 3 2 3", "1 3"];
const READY = 0.8; // share of runs from which on services are called ready
export const HALF = 0.5; // share of services that use it at the end
const SHORT = 14; // letters of a name beside a line

/** @param {number} months */
export const time = (months) => (months % 12 ? `${months} months` : months === 12 ? "1 year" : `${months / 12} years`);
/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, each) => sum + each, 0) / (values.length || 1);
/** @param {string} name */
const short = (name) => (name.length > SHORT ? `${name.slice(0, SHORT - 1)}…` : name);

/**
 * Pairs of runs in which both have an outcome: the differences, in order, and the averages that they lie between.
 * @param {Engine} engine @param {Ensemble} now @param {Ensemble} base @param {string} name
 */
export function pairs(engine, now, base, name) {
  const b = engine.outcome(base, name);
  const both = engine.outcome(now, name).flatMap((each, n) => (Number.isFinite(each) && Number.isFinite(b[n]) ? [[Number(each), Number(b[n])]] : []));
  const found = both.map(([one, other]) => one - other);
  return { found: found.slice().sort((one, other) => one - other), difference: mean(found), now: mean(both.map(([one]) => one)), base: mean(both.map(([, other]) => other)) };
}

/** Two averages of shares and their difference, that of what is shown. @param {number} now @param {number} base */
export function averages(now, base) {
  const small = [now, base].some((each) => each > 0 && each < 0.005);
  const digits = small || (now !== base && Math.abs(now - base) < 0.02) ? 1 : 0, difference = Number((100 * now).toFixed(digits)) - Number((100 * base).toFixed(digits));
  const size = Math.abs(difference).toFixed(digits);
  const said = Number(size) === 0 ? "no difference" : `${size} percentage point${size === "1" ? "" : "s"} ${difference < 0 ? "fewer" : "more"}`;
  const [one, other] = [now, base].map((each) => `${(100 * each).toFixed(digits)} %`);
  return { now: one, base: other, said, signed: Number(size) === 0 ? "0" : `${difference < 0 ? "−" : "+"}${size}` };
}

/** Percentage points with a sign. @param {number} difference */
const signed = (difference) => (Math.abs(difference) < 0.005 ? "0" : `${difference < 0 ? "−" : "+"}${Math.abs(100 * difference).toFixed(0)}`);

/** Percentage points with their sign. @param {number} gain */
export const points = (gain) => `${gain < -0.0005 ? "−" : "+"}${Math.abs(100 * gain).toFixed(1)}`;
/** @param {string[]} names */
export const listed = (names) => [names.slice(0, -1).join(", "), ...names.slice(-1)].filter(Boolean).join(" and ");
/** @param {number} share @param {number} runs */
export const often = (share, runs) => `${Math.round(share * runs)} of ${runs}`;
/** 95 % interval of a share that was counted (Wilson 1927). @param {number} yes @param {number} of */
export function interval(yes, of) {
  const z = 1.96, middle = yes + (z * z) / 2, half = z * Math.sqrt((yes * (of - yes)) / of + (z * z) / 4);
  return [middle - half, middle + half].map((each) => Math.min(1, Math.max(0, each / (of + z * z))));
}

/** Whether services are ready, by a rule that is said, in runs by chance and in runs with what is not known. @param {{how: string, yes: number, of: number}[]} found */
export function readiness(found) {
  if (found.some(({ of }) => !of)) return "Whether services are ready is not seen in these months.";
  const words = found.map(({ yes, of }) => (yes / of >= READY ? "Ready" : yes / of <= 1 - READY ? "Not yet" : "It cannot be told"));
  const word = words.every((each) => each === words[0]) ? words[0] : "It cannot be told";
  const seen = found.map(({ how, yes, of }) => {
    const [low, high] = interval(yes, of).map((each) => Math.round(100 * each));
    return `in ${yes} of ${of} runs ${how} (${percent(yes / of)}; many more such runs would give ${low} to ${high} %)`;
  });
  const alone = word !== words[0] ? ` By chance alone it would be “${words[0].toLowerCase()}”.` : "";
  const missing = found.length > 1 ? "" : " What is not known is not in this page, and so not in this answer.";
  return `${word}: half of the services or more use it at the end ${seen.join(", and ")}.${alone}${missing} (Ready is called here what gets there in eight runs of ten; not yet, what does in two of ten or fewer: a rule of ours.)`;
}

/** An outcome of all runs that have it, in order; never is infinite. @param {Engine} engine @param {Ensemble} ensemble @param {string} name */
export function sorted(engine, ensemble, name) {
  return inOrder(engine, name, engine.outcome(ensemble, name).filter((each) => each !== undefined).map(Number));
}

/** Values of an outcome from the least on; never is infinite. @param {Engine} engine @param {string} name @param {number[]} values */
export function inOrder(engine, name, values) {
  const never = engine.header.words.outcomes.find((/** @type {any} */ each) => each.name === name)?.never;
  return values.map((each) => (never && Number.isNaN(each) ? Infinity : each)).filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
}

export class Results {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    this.header = engine.header;
  }

  /**
   * Everything, anew.
   * @param {Named} now @param {Named | null} against @param {Worlds} worlds both over worlds @param {Named[]} others
   * @param {{month: number, label: string}[]} marks @param {number | null} guess @param {string} about
   */
  draw(now, against, worlds, others, marks, guess, about) {
    const narrow = window.innerWidth < 700, ensemble = /** @type {Ensemble} */ (now.ensemble);
    const other = against?.ensemble?.done ? against : null;
    const chart = (/** @type {string} */ title, /** @type {string} */ variable, /** @type {number | null} */ expected) =>
      curves(title, this.lines(now, other, worlds.now, others, variable), { months: this.engine.months, marks, narrow, expected });
    replaced($("uptake"), chart("People who use it, of all staff, managers and peers", "uptake", guess));
    replaced($("spread"), chart("Services that use it", "in_use", null));
    $("headline").replaceChildren(`${this.headline(ensemble, about, worlds)} `, ...(other ? [html("span", {}, this.difference(ensemble, other, worlds))] : []));
    $("shading").hidden = others.length > 0;
    this.cards(ensemble, other);
    this.parts(ensemble, narrow);
  }

  /** @param {Named} now @param {Named | null} against @param {Ensemble | undefined} worlds @param {Named[]} others @param {string} variable */
  lines(now, against, worlds, others, variable) {
    const style = getComputedStyle(document.documentElement), colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const of = (/** @type {Ensemble} */ ensemble) => summary(this.engine.curves(ensemble, variable));
    const lines = [];
    if (others.length) {
      others.forEach(({ name, ensemble }, n) => {
        if (ensemble?.done) lines.push({ label: short(name), colour: colour(COLOURS[n]), dash: DASHES[n], summary: of(ensemble), band: "", pale: true });
      });
      if (against?.ensemble && !others.some(({ name }) => name === against.name)) lines.push({ label: short(against.name), colour: colour("--muted"), dash: "6 4", summary: of(against.ensemble), band: "", pale: true });
      return lines;
    }
    if (against?.ensemble) lines.push({ label: short(against.name), colour: colour("--muted"), dash: "6 4", summary: of(against.ensemble), band: "", pale: true });
    if (worlds?.done) lines.push({ label: UNKNOWN, colour: colour("--pinned"), dash: "2 3", summary: of(worlds), band: `${UNKNOWN}: 9 in 10`, pale: false });
    lines.push({ label: against ? short(now.name) : MIDDLE, colour: colour("--main"), dash: "", summary: of(/** @type {Ensemble} */ (now.ensemble)), band: CHANCE, pale: false });
    return lines;
  }

  /** The middle and nine runs of ten of a share. @param {Ensemble} ensemble @param {string} name */
  middle(ensemble, name) {
    const found = sorted(this.engine, ensemble, name);
    return { middle: quantile(found, 0.5), low: quantile(found, 0.05), high: quantile(found, 0.95), found };
  }

  /** What it shows, in a sentence or two. @param {Ensemble} now @param {string} about @param {Worlds} worlds */
  headline(now, about, worlds) {
    const after = time(this.engine.months), what = this.header.scenario.innovation, services = this.header.scenario.services;
    const people = this.middle(now, "uptake_final"), spread = this.middle(now, "spread_final"), lasting = this.middle(now, "sustained_24");
    const count = (/** @type {number} */ share) => String(Math.round(share * services));
    const lines = [`After ${after}, ${percent(people.middle)} of staff, managers and peers use ${what} in the middle run; in nine runs of ten, ${percent(people.low)} to ${percent(people.high)} by chance${this.unknown(worlds.now)}.`];
    if (about === "spread") lines.push(`${count(spread.middle)} of ${services} service${services === 1 ? "" : "s"} use${services === 1 || count(spread.middle) === "1" ? "s" : ""} it then (${count(spread.low)} to ${count(spread.high)} by chance${this.unknown(worlds.now, "spread_final", count)}); ${this.begun(now)} at the start.`);
    if (about === "sustained") {
      lines.push(lasting.found.length ? `Of those services alone whose funding ended on the way (that of a pilot ends with its term), ${percent(lasting.middle)} still used it two years after that in the middle run (nine in ten: ${percent(lasting.low)} to ${percent(lasting.high)} by chance).`
        : `In these ${after}, no service is seen two years after its funding ended.`);
    }
    if (now.done < this.header.seeds.length) lines.push(`So far, by ${now.done} of ${this.header.seeds.length} runs.`);
    return lines.join(" ");
  }

  /** How many services use it before the first month. @param {Ensemble} now */
  begun(now) {
    const first = this.engine.curves(now, "in_use").map(([share]) => share).sort((a, b) => a - b);
    return Math.round(quantile(first, 0.5) * this.header.scenario.services);
  }

  /** An outcome over worlds, in words; nothing while there are too few runs of it. @param {Ensemble | undefined} worlds @param {string} [name] @param {(share: number) => string} [said] */
  unknown(worlds, name = "uptake_final", said = percent) {
    if (!worlds || worlds.done < Math.min(OVER_WORLDS, this.header.seeds.length)) return "";
    const { middle, low, high } = this.middle(worlds, name);
    return `; with what is not known as well, ${said(low)} to ${said(high)} (middle ${said(middle)})`;
  }

  /** Averages are held against averages, in the same pairs. @param {Ensemble} now @param {Named} against @param {Worlds} worlds */
  difference(now, against, worlds) {
    const of = pairs(this.engine, now, /** @type {Ensemble} */ (against.ensemble), "uptake_final"), { found } = of;
    if (!found.length) return "";
    const more = found.filter((each) => each > 0).length, fewer = found.filter((each) => each < 0).length;
    const average = averages(of.now, of.base);
    const often = more + fewer === 0 ? `the same in all ${found.length} pairs of runs` : `of ${found.length} pairs of runs, more people use it in ${more}, fewer in ${fewer}, as many in ${found.length - more - fewer}`;
    return `On average over all runs, ${average.now} of people use it, and ${average.base} with “${against.name}”: ${average.said} (${often})${this.unknownDifference(worlds)}${[now, against.ensemble, worlds.now, worlds.against].some((each) => each && each.done < this.header.seeds.length) ? "; so far, not all runs are there" : ""}.`;
  }

  /** The same over worlds, in words. @param {Worlds} worlds */
  unknownDifference({ now, against }) {
    if (!now || !against || Math.min(now.done, against.done) < Math.min(OVER_WORLDS, this.header.seeds.length)) return "";
    const { found, now: one, base } = pairs(this.engine, now, against, "uptake_final"), average = averages(one, base);
    return found.length ? `; with what is not known, ${average.now} and ${average.base}: ${average.said} (nine pairs in ten: ${signed(quantile(found, 0.05))} to ${signed(quantile(found, 0.95))})` : "";
  }

  /** @param {Ensemble} now @param {Named | null} against */
  cards(now, against) {
    $("cards").replaceChildren(...this.header.cards.map((/** @type {any} */ { name, label }) => {
      const words = this.header.words.outcomes.find((/** @type {any} */ each) => each.name === name);
      const kind = words.unit === "£1,000" ? "pounds" : words.kind;
      const numbers = sorted(this.engine, now, name);
      const both = against?.ensemble && !words.never ? pairs(this.engine, now, against.ensemble, name) : null;
      const size = both && (kind === "share" ? `on average ${averages(both.now, both.base).now}, ${averages(both.now, both.base).signed} points` : `on average ${written(both.now, kind)}, ${both.difference < 0 ? "−" : "+"}\u2060${written(Math.abs(both.difference), kind)}`);
      return html("div", { class: "card", title: words.meaning }, html("span", {}, label), html("b", {}, written(quantile(numbers, 0.5), kind)),
        html("small", {}, spread(numbers, kind, name)),
        html("small", { class: "difference" }, both?.found.length ? size ?? "" : ""));
    }));
  }

  /** What moved alignment. @param {Ensemble} now @param {boolean} narrow */
  parts(now, narrow) {
    const { societies } = this.header, { entries, balances } = this.header.words;
    const found = now.parts.map((each, run) => (each && { sums: each, people: societies[run % societies.length].people })).filter((each) => each !== undefined);
    if (found.length < 4) return;
    const offset = balances.indexOf("alignment") * entries.length;
    const names = [...new Set(entries)].filter((name) => name !== "stage" && name !== "episode" && name !== "outside");
    const rows = names.map((name) => {
      const values = found.map(({ sums, people }) => entries.reduce((/** @type {number} */ sum, /** @type {string} */ each, /** @type {number} */ n) => (each === name ? sum + sums[offset + n] : sum), 0) / people);
      const ordered = values.slice().sort((a, b) => a - b);
      return { label: String(name), value: quantile(ordered, 0.5), low: quantile(ordered, 0.05), high: quantile(ordered, 0.95) };
    }).filter(({ low, high }) => Math.max(Math.abs(low), Math.abs(high)) > 5e-4).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 8);
    const total = `What moved mean alignment (0 to 1), over all months: middle run of ${found.length}, lines: nine in ten`;
    replaced($("parts"), rows.length ? bars(total, rows, narrow) : html("p", {}, "Nothing moved alignment."));
  }
}

// What it means that an outcome is seen in no run
const NOWHERE = new Map([["sustained_24", "no funding ended two years or more before the end"], ["recommissioned", "no service started"]]);

/** @param {number[]} ordered @param {string} kind @param {string} name */
function spread(ordered, kind, name) {
  if (!ordered.length) return `${NOWHERE.get(name) ?? "does not apply"} in these runs`;
  const [low, high] = [written(quantile(ordered, 0.05), kind), written(quantile(ordered, 0.95), kind)];
  return low === high ? "in nine runs of ten" : `nine in ten: ${low} to ${high}`;
}

/** Put a figure in place; what was opened stays open. @param {HTMLElement} place @param {HTMLElement} made */
function replaced(place, made) {
  const open = place.querySelector("details")?.hasAttribute("open");
  if (open) made.querySelector("details")?.setAttribute("open", "");
  place.replaceChildren(made);
}
