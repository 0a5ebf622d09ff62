// What the page tries for a question by running the model: mixes of actions, levels, dates, conditions, groups of people.
import { $, html, percent, quantile, scrolling, written } from "./charts.js";
import { averages, HALF, inOrder, listed, mean, often, points, readiness, time } from "./results.js";
import { pounds, withUnit } from "./setting.js";

/**
 * @typedef {import("./setting.js").Scenario} Scenario
 * @typedef {import("./engine.js").Trial} Trial
 * @typedef {Scenario & {worlds?: boolean, group?: import("./answers.js").Group}} Tried  worlds: with what is not known, else by chance alone; group: whose own answers are moved
 * @typedef {{label: string, scenario: Tried, cost: number}} Try
 * @typedef {{mean: number, error: number, best: number, middle: number, low: number, high: number}} Judged
 */

const FRESH = 64, SINGLES = 6; // runs to judge by, others than those by which mixes are chosen; how many go into pairs
const CHOOSE = 32, CHOOSE_OF_MANY = 16, MANY = 300; // runs by which mixes are chosen; where there are many people
const SOON = 16; // runs after which something is told
const MOST_TRIES = 120;
const GRID = [0, 0.25, 0.5, 0.75, 1]; // of a lever's range
const LEVELS = [0.5, 0.6, 0.7, 0.8, 0.9];
const PEOPLE = "People who use it, points, mean over all months", SERVICES = "Services that use it at the end, points", OVER_ALL = `People, with what is not known (${FRESH} runs)`, PAID = "More paid to services, on average";
const MANDATE = 1 / 3, LEAN = 0.6; // of all years, to which a mandate is tried too; what a leaner mix may cost at most, and has to gain at least, as shares of the best

export class Trials {
  /** @param {any} page */
  constructor(page) {
    this.page = page;
    this.store = page.store;
    this.settings = page.settings;
    this.engine = page.engine;
    this.header = page.header;
    /** @type {{trials: Trial[], done: () => void, stop: (reason: Error) => void, what: string, began: number, before: number} | null} */
    this.running = null;
    this.first = this.header.scenario.people < MANY ? CHOOSE : CHOOSE_OF_MANY;
    /** @type {Trial[]} */ this.held = []; // what a trial needs to the end
    this.goal = this.header.goals[0];
  }

  get question() {
    const found = this.header.questions.find((/** @type {any} */ each) => each.id === (this.store.state.question || "spread"));
    return { ...found, ...(document.body.dataset.machine ? found.served : {}), ...(this.page.further.people ? found.answered : {}) };
  }

  /** What a trial depends on. */
  get circumstances() {
    const { values, actions } = this.store.shown, { trial } = this.question;
    const sorted = (/** @type {object} */ each) => Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1));
    return JSON.stringify([trial, sorted(values), { money: this.store.state.budget, true: this.goal.name }[trial] ?? 0, trial === "money" || trial === "ready" ? 0 : sorted(actions)]);
  }

  /** Answer a question by trying; what there is so far is shown too. @param {string} trial @param {(made: Node[]) => void} show */
  async tried(trial, show) {
    const made = { money: () => this.money(show), ready: () => this.ready(), ending: () => this.ending(), true: () => this.conditions(), convince: () => this.convince(show) };
    show(await made[/** @type {"money"} */ (trial)]());
  }

  cancel() {
    this.running?.stop(new Error("stopped"));
  }

  /** Settings that trials need beside what is shown. @returns {Trial[]} */
  get trials() {
    return this.held;
  }

  /** Something was computed: perhaps all of it. */
  heard() {
    if (!this.running) return;
    const { trials, what, began, before } = this.running, [done, all] = this.engine.progress(trials);
    const left = Math.round(((performance.now() - began) / 1000 / (done - before)) * (all - done));
    $("progress").textContent = `${what}${done} of ${all} runs${done - before >= 8 && left > 2 ? `, about ${left > 90 ? `${Math.round(left / 60)} minutes` : `${left} seconds`} left` : ""}`;
    if (done >= all) this.running.done();
  }

  /** Compute runs from one number to another of each. @param {Tried[]} scenarios @param {number} from @param {number} to @param {string} [what] @returns {Promise<void>} */
  computed(scenarios, from, to, what = "") {
    const settings = new Map(scenarios.map((each) => this.setting(each)).map((each) => [each.key, each]));
    const trials = [...settings.values()].map((setting) => ({ setting, from, to }));
    this.held = [...this.held, ...trials];
    return new Promise((resolve, reject) => {
      const end = () => { this.running = null; };
      const [before] = this.engine.progress(trials);
      this.running = { trials, what, before, began: performance.now(), done: () => { end(); resolve(); }, stop: (reason) => { end(); reject(reason); } };
      this.page.compute();
      this.heard();
    });
  }

  /** What was found stays true of what is set now. */
  stays() {}

  /** What a trial begins from: the levers as they are set, without any action. @returns {Scenario} */
  get ground() {
    return { name: "nothing done", values: { ...this.store.shown.values }, actions: {} };
  }

  /** What the engine writes for a scenario. @param {Tried} scenario */
  setting(scenario) {
    const made = this.settings.setting(scenario, scenario.worlds), { group } = scenario;
    return group ? { ...made, key: `${group.who}:${made.key}`, writes: [...made.writes, ...group.writes] } : made;
  }

  /** @param {Tried} scenario */
  ensemble(scenario) {
    return this.engine.ensembles.get(this.setting(scenario).key);
  }

  /** Runs from … to … of an outcome. @param {Tried} scenario @param {string} name @param {number} from @param {number} to @returns {number[]} */
  values(scenario, name, from, to) {
    return this.engine.outcome(this.ensemble(scenario), name).slice(from, to).map(Number);
  }

  /** The first runs of an outcome, in order; never is infinite. @param {Tried} scenario @param {string} name @param {number} to */
  ordered(scenario, name, to) {
    return inOrder(this.engine, name, this.values(scenario, name, 0, to));
  }

  /** Mean gain in pairs, its standard error, and in what share of runs each is the best. @param {Try[]} tries @param {Scenario} base @param {string} name @param {number} from @param {number} to @returns {Judged[]} */
  judged(tries, base, name, from, to) {
    const zero = this.values(base, name, from, to);
    const gains = tries.map((each) => this.values(each.scenario, name, from, to).map((value, n) => value - zero[n]));
    const best = tries.map(() => 0);
    for (let run = 0; run < to - from; run++) {
      const most = Math.max(0, ...gains.map((each) => each[run])), first = gains.flatMap((each, n) => (each[run] === most ? [n] : []));
      if (most > 0) for (const n of first) best[n] += 1 / first.length / (to - from);
    }
    return gains.map((each, n) => {
      const average = mean(each), deviation = Math.sqrt(each.reduce((sum, value) => sum + (value - average) ** 2, 0) / Math.max(1, each.length - 1));
      const ordered = each.slice().sort((a, b) => a - b);
      return { mean: average, error: deviation / Math.sqrt(each.length), best: best[n], middle: quantile(ordered, 0.5), low: quantile(ordered, 0.05), high: quantile(ordered, 0.95) };
    });
  }

  /** Every action by itself at its fullest that the budget pays for, from month 1. @param {Scenario} ground @param {number} budget @returns {Try[]} */
  singles(ground, budget) {
    const found = [];
    for (const action of this.settings.actions) {
      for (let place = 0; place < action.places.length; place++) {
        for (let step = action.steps.length - 1; step >= 0; step--) {
          const done = { step, place, start: 1 }, [, cost] = this.settings.cost(action, done, ground);
          if (cost > budget || this.settings.blocked(ground, action.id)) continue;
          found.push({ label: this.settings.said(action, done), scenario: { ...ground, actions: { [action.id]: done } }, cost });
          break; // the fullest that can be paid in this place
        }
      }
    }
    return found.slice(0, MOST_TRIES);
  }

  /** @param {Try[]} best @param {number} budget @returns {Try[]} */
  inPairs(best, budget) {
    return best.flatMap((one, n) => best.slice(n + 1).flatMap((other) => {
      const [a] = Object.keys(one.scenario.actions), [b] = Object.keys(other.scenario.actions);
      if (a === b || one.cost + other.cost > budget || this.settings.blocked(one.scenario, b)) return [];
      return [{ label: `${one.label} + ${other.label}`, scenario: { ...one.scenario, actions: { ...one.scenario.actions, ...other.scenario.actions } }, cost: one.cost + other.cost }];
    }));
  }

  /** Mixes by their mean gain, the largest first, what they gain in services at the end, and what services are paid on top. @param {Try[]} tries @param {Tried} ground @param {string} name @param {number} from @param {number} to */
  ranked(tries, ground, name, from, to) {
    const [found, ends, paid, worth] = [name, "spread_final", "money_spent", "value_commissioners"].map((outcome) => this.judged(tries, ground, outcome, from, to));
    return tries.map((each, n) => ({ ...each, judged: found[n], ended: ends[n], paid: paid[n], worth: worth[n] })).sort((a, b) => b.judged.mean - a.judged.mean);
  }

  /** Fewer runs of all first, more of those that did well, fresh runs of the last. @param {(made: Node[]) => void} show */
  async money(show) {
    const { budget } = this.store.state, ground = this.ground, name = "uptake_mean", half = this.first / 2;
    const singles = this.singles(ground, budget);
    if (!singles.length) return [html("p", {}, `No action costs ${pounds(budget)} or less: enter a larger budget.`)];
    const of = (/** @type {Try[]} */ tries) => [ground, ...tries.map(({ scenario }) => scenario)];
    await this.computed(of(singles), 0, half, "Step 1 of 4, each action by itself: ");
    const first = this.ranked(singles, ground, name, 0, half);
    show(this.bought(first.slice(0, SINGLES), half, "", `So far, by ${half} runs each; those at the top are partly there by luck.`));
    const two = this.inPairs(first.slice(0, SINGLES), budget);
    await this.computed(of(two), 0, half, "Step 2 of 4, pairs of the best: ");
    const better = this.ranked([...singles, ...two], ground, name, 0, half).slice(0, 2 * SINGLES);
    await this.computed(of(better), half, this.first, "Step 3 of 4, the best again: ");
    const last = this.ranked(better, ground, name, 0, this.first).slice(0, SINGLES);
    const most = Math.min(this.header.seeds.length, this.first + FRESH);
    const rest = (/** @type {Try[]} */ best) => this.others(ground, budget, singles, best);
    const how = (/** @type {number} */ to) => `${singles.length + two.length} mixes were tried (each action at the fullest that ${pounds(budget)} pays for in each place, and pairs of the best) on ${half} runs each and the best ${better.length} of them on ${this.first}; the ${last.length} that did best are judged on ${to - this.first} other runs, so that luck in the first does not flatter them. Other services, your own among them, may need something else. ± is the 95 % interval of the average by chance alone. What is not known about costs is in none of it. What national money pays for (a mandate, a pilot fund) counts against the budget too, and is part of what services are paid.`;
    let made = /** @type {Node[]} */ ([]), best = /** @type {ReturnType<typeof this.ranked>} */ ([]);
    for (const to of [this.first + SOON, most]) {
      await this.computed(of(last), this.first, to, "Step 4 of 4, judged on fresh runs: ");
      best = this.ranked(last, ground, name, this.first, to);
      made = this.bought(best, to - this.first, rest(last), how(to));
      show(made);
    }
    if (this.header.worlds) {
      await this.computed(of(last).map(unknown), 0, FRESH, "With what is not known: ");
      made = this.bought(best, most - this.first, rest(last), how(most), this.unsure(last, ground, name));
      show(made);
    }
    const alone = this.alone(ground);
    await this.computed(of(alone), this.first, most, "Each action by itself: ");
    if (this.header.worlds) await this.computed(of(alone).map(unknown), 0, FRESH, "Each action by itself, with what is not known: ");
    const known = this.header.worlds ? this.unsure(alone, ground, name) : undefined;
    const ranked = this.ranked(alone, ground, name, this.first, most), [top] = best;
    const rows = ranked.map(({ label, cost, judged, ended, paid, scenario }) => [label, `${money(cost)}${cost > budget ? ", over the budget" : ""}${this.national(scenario) ? ", national money" : ""}`, gained(judged), between(judged), gained(ended), onTop(paid), ...doubt(known, label), scenario]);
    const dearer = ranked.filter(({ cost, judged, scenario }) => cost > budget && (judged.mean > top.judged.mean || this.settings.mandate(scenario))).map((each) => this.against(each, top, name, most));
    return [...made, ...(dearer.length ? [html("p", { class: "answer" }, `What the budget does not pay for, held against the best mix that it does: ${dearer.join("; ")}.`)] : []),
      this.table(`Each action by itself, as it is when switched on, whatever it costs (${most - this.first} runs)`, ["What is done", "Cost", PEOPLE, "Nine runs of ten, by chance", SERVICES, PAID, ...(known ? [OVER_ALL] : [])], rows)];
  }

  /** @param {Scenario} scenario */
  national(scenario) {
    return this.settings.doing(scenario).some(({ action }) => action.paid_by === "national");
  }

  /** What one adds over another, in pairs of runs. @param {Try & {paid: Judged}} one @param {Try} other @param {string} name @param {number} most */
  against(one, other, name, most) {
    const [[more], [ended]] = [name, "spread_final"].map((outcome) => this.judged([one], other.scenario, outcome, this.first, most));
    const how = this.national(one.scenario) ? ` of national money, were all services paid from the first month (they are paid ${onTop(one.paid)} on average)` : `, and ${onTop(one.paid)} that services are paid on top`;
    const known = this.header.worlds ? this.judged([{ ...one, scenario: unknown(one.scenario) }], unknown(other.scenario), name, 0, FRESH)[0] : null;
    return `${one.label}, for ${money(one.cost)}${how}: ${gained(more)} points of people, mean over all months${known ? ` (with what is not known, ${points(known.mean)}; nine runs of ten ${between(known)})` : ""}, and ${gained(ended)} of services at the end`;
  }

  /** Every action by itself as it is when it is switched on: at its fullest, in the first of its places; a mandate also with an end. @param {Scenario} ground @returns {Try[]} */
  alone(ground) {
    const ends = this.settings.levers.find((/** @type {any} */ each) => each.change?.parameter === "mandate"), month = 12 * Math.max(1, Math.round((MANDATE * this.settings.months) / 12));
    return this.settings.actions.filter((/** @type {any} */ each) => !this.settings.blocked(ground, each.id)).flatMap((/** @type {any} */ action) => {
      const done = { step: action.steps.length - 1, place: 0, start: 1 }, label = this.settings.said(action, done);
      const made = (/** @type {Scenario} */ scenario, /** @type {string} */ how) => ({ label: `${label}${how}`, scenario, cost: this.settings.cost(action, done, scenario)[1] });
      const scenario = { ...ground, actions: { [action.id]: done } }, ended = ends && this.settings.months > month && this.settings.mandate(scenario) && this.settings.value(ground, ends) === null;
      return [made(scenario, ""), ...(ended ? [made({ ...scenario, values: { ...ground.values, [ends.key]: month } }, `, ending after ${time(month)}`)] : [])];
    });
  }

  /** What tries gain with what is not known, in pairs, by label. @param {Try[]} tries @param {Tried} ground @param {string} name @returns {Map<string, Judged>} */
  unsure(tries, ground, name) {
    const found = this.judged(tries.map((each) => ({ ...each, scenario: unknown(each.scenario) })), unknown(ground), name, 0, FRESH);
    return new Map(tries.map((each, n) => [each.label, found[n]]));
  }

  /** What mixes gain, the best first. @param {(Try & {judged: Judged, ended: Judged, paid: Judged, worth: Judged})[]} judged @param {number} runs @param {string} rest @param {string} how @param {Map<string, Judged>} [unsure] the same with what is not known */
  bought(judged, runs, rest, how, unsure) {
    const top = judged[0], sure = top.judged.mean > 2 * top.judged.error, over = unsure?.get(top.label), [low, , high] = this.settings.spent(top.scenario);
    const says = sure ? `Best of what was tried: ${top.label}, for ${pounds(top.cost)} (by what prices may be, ${pounds(low)} to ${pounds(high)}${high > this.store.state.budget ? ": then more than the budget" : ""}). Over doing nothing it adds ${(100 * top.judged.mean).toFixed(1)} percentage points to the people who use it (mean over all months; nine runs of ten by chance: ${between(top.judged)}${over ? `; with what is not known: ${points(over.mean)} on average, ${between(over)}` : ""}) and ${points(top.ended.mean)} to the services that use it at the end, and it comes out best of these in ${often(top.judged.best, runs)} runs.`
      : "None of what was tried is clearly better than doing nothing.";
    const rows = judged.map((each) => [each.label, pounds(each.cost), gained(each.judged), between(each.judged), gained(each.ended), onTop(each.paid), often(each.judged.best, runs), ...doubt(unsure, each.label), each.scenario]);
    const decide = [...(document.body.dataset.machine ? ["“Decide”, further down,"] : [html("code", {}, "valign decide")]), ` searches further (mixes of three, later starts) and always weighs what is not known: where it names another mix, take that; hold its gain against the last column here.`];
    const lean = judged.find((each) => each.cost <= LEAN * top.cost && each.judged.mean >= LEAN * top.judged.mean), known = this.settings.doing(top.scenario).map(({ action }) => `${action.name}, ${action.grade}`);
    const price = this.settings.doing(top.scenario).reduce((sum, { action, done }) => sum + (action.paid_by === "national" ? 0 : this.settings.cost(action, done, top.scenario)[1]), 0), net = 1000 * top.worth.mean - price;
    const besides = [`With this mix, services that use it are paid too: ${onTop(top.paid)} on average. In commissioners' own pounds, with what they pay for the mix, that comes to ${moved(net)} on average${net < 0 ? ": if that alone counted, doing nothing would be better" : ""}.`,
      `How the size of the effect is known: ${known.join("; ")}.`, ...(lean ? [`Most of it for less: for ${pounds(lean.cost)}, ${lean.label} gains ${points(lean.judged.mean)} points of people.`] : [])];
    return [html("p", { class: "answer" }, says), ...(sure ? [html("p", {}, besides.join(" "))] : []),
      html("p", {}, `Over ${time(this.settings.months)}: ${most(unsure, top.label)} People are counted as the mean over all months, so that what is used for longer counts for more; services and charts show the end. `, ...decide),
      this.table(`What the best of it gains (${runs} runs)`, ["What is done", "Cost", PEOPLE, "Nine runs of ten, by chance", SERVICES, PAID, "Best of these, in runs", ...(unsure ? [OVER_ALL] : [])], rows),
      ...(rest ? [html("p", { class: "how" }, rest)] : []), html("p", { class: "how" }, how)];
  }

  /** Actions that are not in the table, and why. @param {Scenario} ground @param {number} budget @param {Try[]} singles @param {Try[]} best */
  others(ground, budget, singles, best) {
    const of = (/** @type {Try[]} */ tries) => new Set(tries.flatMap(({ scenario }) => Object.keys(scenario.actions)));
    const tried = of(singles), shown = of(best), named = (/** @type {any[]} */ some) => some.map((each) => each.name).join(", ");
    const missing = this.settings.actions.filter((/** @type {any} */ each) => !tried.has(each.id)), blocked = missing.filter((/** @type {any} */ each) => this.settings.blocked(ground, each.id));
    const dear = missing.filter((/** @type {any} */ each) => !blocked.includes(each)), lesser = this.settings.actions.filter((/** @type {any} */ each) => tried.has(each.id) && !shown.has(each.id));
    return [[lesser, "Tried, and not among the best"], [dear, `Not tried, since over ${pounds(budget)} at the least`], [blocked, "Not tried, since a lever of theirs has been moved by hand"]]
      .flatMap(([some, what]) => (some.length ? [`${what}: ${named(/** @type {any[]} */ (some))}.`] : [])).join(" ");
  }

  /** Whose values matter most: those of one group at a time come closer to what the innovation stands for. @param {(made: Node[]) => void} show */
  async convince(show) {
    const { answers } = this.page, { closer } = this.page.further, ground = this.store.shown, name = "uptake_mean";
    /** @type {Try[]} */
    const tries = answers.groups.map((/** @type {string} */ who) => ({ label: capital(who), scenario: { ...ground, ...answers.moved(ground, who, closer) }, cost: 0 }));
    const all = [ground, ...tries.map(({ scenario }) => scenario)];
    let made = /** @type {Node[]} */ ([]);
    for (const to of this.header.scenario.people < MANY ? [SOON, 2 * FRESH] : [SOON, FRESH]) {
      await this.computed(all, 0, to, "Each group by itself: ");
      made = this.convinced(tries, ground, name, to);
      show(made);
      if (to === SOON || !this.header.worlds) continue;
      await this.computed(all.map(unknown), 0, FRESH, "With what is not known: ");
      made = this.convinced(tries, ground, name, to, this.unsure(tries, ground, name));
    }
    return made;
  }

  /** What each group's coming closer gains, the most first. @param {Try[]} tries @param {Scenario} ground @param {string} name @param {number} runs @param {Map<string, Judged>} [unsure] the same with what is not known */
  convinced(tries, ground, name, runs, unsure) {
    const { answers } = this.page, { closer, people: own } = this.page.further, found = this.ranked(tries, ground, name, 0, runs), [first, second] = found;
    const seen = first.judged.mean > 2 * first.judged.error, over = unsure?.get(first.label);
    const apart = second && this.judged([first], second.scenario, name, 0, runs)[0];
    const best = unsure ? mostGained(unsure) : first.label;
    const answer = !seen ? `By itself, no group makes a difference that these ${runs} runs can tell from chance.`
      : `${best === first.label ? `${first.label} first: if` : `Whom first cannot be told: ${first.label.toLowerCase()} by chance alone, ${best.toLowerCase()} with what is not known (${points(/** @type {Map<string, Judged>} */ (unsure).get(best)?.mean ?? NaN)}). If`} what ${best === first.label ? "they" : first.label.toLowerCase()} hold important came ${closer} closer to what the innovation stands for (of 1, the whole scale), ${(100 * first.judged.mean).toFixed(1)} percentage points more people would use it, on average over all months${over ? ` (with what is not known: ${points(over.mean)}, nine runs of ten ${between(over)})` : ""}.${second && best === first.label ? ` That is ${apart.mean > 2 * apart.error ? `more than for any other group; next come ${second.label.toLowerCase()}, with ${points(second.judged.mean)} points` : `not clearly more than for ${second.label.toLowerCase()} (${points(second.judged.mean)} points)`}.` : ""}${unsure && best === first.label ? ` ${capital(most(unsure, first.label))}` : ""}`;
    const rows = found.map((each) => [each.label, gained(each.judged), between(each.judged), gained(each.ended), often(each.judged.best, runs), ...doubt(unsure, each.label), own ? null : each.scenario]);
    const [far] = this.page.answers.distances(ground), silent = !answers.groups.some((/** @type {string} */ who) => who.startsWith("commissioners")) ? " Commissioners did not answer, so they are not among the groups." : "";
    const set = this.settings.settings(first.scenario).map(([key, value]) => `+${key}=${value}`).join("");
    const again = own || Object.keys(ground.actions).length || Object.keys(ground.values).length ? [] : [html("details", {}, html("summary", {}, "The first line again, from a script"), html("pre", {}, html("code", {}, `valign compare --at-defaults ${this.header.scenario.name} ${this.header.scenario.name}${set} --runs ${runs} --societies ${this.header.scenario.societies} --seed ${this.header.scenario.seed}`)))];
    return [html("p", { class: "answer" }, answer),
      this.table(`Whom to convince first: what is gained when one group comes ${closer} closer (${runs} runs, in pairs)`, ["Who", PEOPLE, "Nine runs of ten, by chance", SERVICES, "Most gained, in runs", ...(unsure ? [OVER_ALL] : [])], rows),
      html("p", { class: "how" }, `The step is the same for every group, so that a group of many people, or near to decisions, moves more; who stands furthest from the innovation ${own ? "" : `(${far.who}, ${far.away.toFixed(2)} of 1) `}is another matter. ${own ? `Everybody's own answers are moved, by as much; those who join later hold typical values.${silent}` : "Those who join later hold the moved values too."} ± is the 95 % interval of the average: chance alone. How to convince anybody, and at what price, is not in it: see the actions.`), ...again];
  }

  async ready() {
    const ground = this.ground, lever = this.settings.levers.find((/** @type {any} */ each) => each.kind === "level"), all = this.header.seeds.length;
    const tries = LEVELS.filter((each) => each >= lever.low && each <= lever.high).map((level) => ({ level, scenario: { ...ground, values: { ...ground.values, [lever.key]: level } } }));
    const judged = [{ scenario: ground, how: "by chance" }, ...(this.header.worlds ? [{ scenario: unknown(ground), how: "with what is not known" }] : [])];
    await this.computed(tries.map(({ scenario }) => scenario), 0, FRESH, "Levels of alignment: ");
    await this.computed(judged.map(({ scenario }) => scenario), 0, all, "As it stands: ");
    const seen = judged.map(({ scenario, how }) => {
      const ends = this.ordered(scenario, "spread_final", all);
      return { how, yes: ends.filter((each) => each >= HALF).length, of: ends.length };
    });
    const rows = tries.map(({ level, scenario }) => [level.toFixed(2), ...this.told(scenario), this.ensemble(scenario).reach ? null : scenario]);
    const aligned = mean(this.values(ground, "alignment_start", 0, FRESH)), [people, services] = this.told(ground, all);
    const half = tries.find(({ scenario }) => !this.ensemble(scenario).reach && quantile(this.ordered(scenario, "spread_final", FRESH), 0.5) >= HALF);
    const { answers } = this.page, { stands } = this.page.further, own = answers.typed(ground), far = answers.distances(ground);
    const whose = this.page.further.people ? "the answers of your questionnaire" : own.length ? `the averages that you typed in for ${listed(own)}` : "the typical values in this page";
    const diagnosed = this.page.further.people ? " A diagnosis of the same answers counts how its people read the innovation; here everybody reads it as it is meant, with errors drawn around that: so the two differ by some hundredths." : "";
    const apart = far.map((/** @type {import("./answers.js").Distance} */ each) => [capital(each.who), each.away.toFixed(2), `${each.value}: they ${each.own.toFixed(1)}, it stands for ${each.stands.toFixed(1)}`, null]);
    return [html("p", { class: "answer" }, readiness(seen)), html("p", {}, `With ${whose}, alignment at the start is ${aligned.toFixed(2)} on a scale from 0 to 1, and at the end ${people} of people and ${services} of services use it.${diagnosed} ${half ? `Of the levels tried, at least half of the services use it in the middle run from ${half.level.toFixed(2)} on.` : "At none of the levels tried do half of the services use it in the middle run: alignment alone is not enough."}`),
      this.table(`How it goes in ${FRESH} runs by alignment at the start`, ["Alignment", "People who use it at the end", "Services that use it at the end"], rows),
      ...(stands ? [html("p", {}, `Who stands where, by the diagnosis of the answers: ${stands.said.join(" ")}`), ...stands.tables.map((/** @type {any} */ { heading, columns, rows: cells }) => scrolling(heading, columns, cells, { class: "ranked" }, html("caption", {}, heading)))] : []),
      ...(far.length && !stands ? [this.table("How far each group is from what it stands for (0 to 1), furthest first", ["Who", "Distance", "Where that counts most, in answers from 1 to 5"], apart)] : []),
      html("p", { class: "how" }, "What to do first is asked elsewhere: “Money” tries what can be bought, “Spread” whom to convince.")];
  }

  /** People and services at the end, in words. @param {Tried} scenario @param {number} [runs] @returns {[string, string]} */
  told(scenario, runs = FRESH) {
    const ensemble = this.ensemble(scenario);
    if (ensemble.reach) return [`this page reaches ${ensemble.reach[0].toFixed(2)} to ${ensemble.reach[1].toFixed(2)}`, ""];
    return [this.range(scenario, "uptake_final", runs), this.range(scenario, "spread_final", runs)];
  }

  /** The middle run of a share, and between which nine runs of ten lie. @param {Tried} scenario @param {string} name @param {number} [runs] */
  range(scenario, name, runs = FRESH) {
    const found = this.ordered(scenario, name, runs);
    return found.length ? `${percent(quantile(found, 0.5))} (${percent(quantile(found, 0.05))} to ${percent(quantile(found, 0.95))})` : "not seen in these months";
  }

  async ending() {
    const base = this.store.shown, mandated = Boolean(this.settings.mandate(base)); // under which no service's funding ends
    const lever = this.settings.levers.find((/** @type {any} */ each) => each.change?.parameter === (mandated ? "mandate" : "funding")), what = mandated ? "the mandate" : "funding";
    if (!lever) return [html("p", {}, `An end of ${what} cannot be set in this page.`)];
    const months = [12, 24, 36, 60, 120].filter((each) => each < this.settings.months);
    const tries = [null, ...months].map((month) => {
      const values = { ...base.values };
      delete values[lever.key];
      return { label: month === null ? `${capital(what)} as it stands` : `${capital(what)} ends after ${time(month)}`, scenario: { ...base, values: month === null ? values : { ...values, [lever.key]: month } } };
    });
    const over = (/** @type {Scenario} */ scenario) => (this.header.worlds ? [unknown(scenario)] : []);
    await this.computed(tries.flatMap(({ scenario }) => [scenario, ...over(scenario)]), 0, FRESH);
    const [plain] = tries, before = mean(this.values(plain.scenario, "spread_final", 0, FRESH));
    const against = (/** @type {Scenario} */ scenario) => averages(mean(this.values(scenario, "spread_final", 0, FRESH)), before);
    const rows = tries.map(({ label, scenario }, n) => {
      const found = against(scenario);
      return [label, ...this.told(scenario), found.now, n ? found.said : "", this.range(scenario, "sustained_24"), ...over(scenario).flatMap((each) => this.told(each)), scenario];
    });
    const said = tries.slice(1).map(({ label, scenario }) => {
      const found = against(scenario);
      return `${label.split(" ends after ")[1]}, ${found.now} (${found.said})`;
    });
    return [html("p", { class: "answer" }, `If ${what} ends everywhere, what share of services uses it at the end? On average over all runs ${against(plain.scenario).now} with ${what} as it stands; where it ends after ${said.join("; after ")}.`),
      this.table(`After ${time(this.settings.months)}, in ${FRESH} runs; with the actions that are on`, ["When", "People who use it, middle run", "Services that use it, middle run", "Services, on average", `Against ${what} as it stands, on average`, "Of services whose funding ended, still using it two years later", ...(this.header.worlds ? ["People, with what is not known", "Services, with what is not known"] : [])], rows),
      html("p", { class: "how" }, "Ranges are of nine runs of ten, by chance unless they say otherwise. Differences are between averages; the middle run may lie elsewhere, where a few runs have many services.")];
  }

  async conditions() {
    const ground = this.store.shown, { outcome, least, says } = this.goal;
    /** @type {{label: string, value: string, far: number, name: string, scenario: Scenario}[]} */
    const tries = [];
    for (const lever of this.settings.levers.filter((/** @type {any} */ each) => each.kind === "parameter" && !this.settings.moverOf(ground, each))) {
      const now = this.settings.value(ground, lever);
      for (const part of GRID) {
        const value = lever.low + part * (lever.high - lever.low), fitting = Number((Math.round(value / lever.step) * lever.step).toPrecision(10));
        const within = Math.min(lever.high, Math.max(lever.low, fitting));
        if (within !== now) tries.push({ name: lever.key, label: lever.label, value: `${withUnit(within, lever.unit)}, now ${withUnit(now, lever.unit)}`, far: Math.abs(within - now) / (lever.high - lever.low), scenario: { ...ground, values: { ...ground.values, [lever.key]: within } } });
      }
    }
    for (const action of this.settings.actions) {
      if (Object.hasOwn(ground.actions, action.id) || this.settings.blocked(ground, action.id)) continue;
      const done = { step: action.steps.length - 1, place: 0, start: 1 };
      tries.push({ name: action.id, label: action.name, value: `${action.steps[done.step]}, ${pounds(this.settings.cost(action, done, ground)[1])}`, far: 2, scenario: { ...ground, actions: { ...ground.actions, [action.id]: done } } });
    }
    await this.computed([ground, ...tries.map(({ scenario }) => scenario)], 0, this.first);
    const ends = (/** @type {Scenario} */ scenario, from = 0, to = this.first) => inOrder(this.engine, outcome, this.values(scenario, outcome, from, to));
    const middle = (/** @type {Scenario} */ scenario, /** @type {number[]} */ ...runs) => { const found = ends(scenario, ...runs); return found.length ? quantile(found, 0.5) : NaN; };
    const reached = (/** @type {Scenario} */ scenario, /** @type {number[]} */ ...runs) => { const found = ends(scenario, ...runs); return found.length ? found.filter((each) => each >= least).length / found.length : NaN; };
    const least_ = new Map();
    for (const each of tries.map((one) => ({ ...one, middle: middle(one.scenario), share: reached(one.scenario) })).sort((a, b) => a.far - b.far)) {
      const before = least_.get(each.name);
      if (!before || (before.middle < least && each.middle > before.middle)) least_.set(each.name, each);
    }
    const nearest = (/** @type {any} */ a, /** @type {any} */ b) => Number(b.middle >= least) - Number(a.middle >= least) || (a.middle >= least ? a.far - b.far : b.middle - a.middle);
    const order = [...least_.values()].filter((each) => Number.isFinite(each.middle)).sort(nearest).slice(0, 12);
    const most = Math.min(this.header.seeds.length, this.first + FRESH);
    await this.computed([ground, ...order.map(({ scenario }) => scenario)], this.first, most, "Those that get there or nearest, again: ");
    for (const each of order) Object.assign(each, { middle: middle(each.scenario, this.first, most), share: reached(each.scenario, this.first, most) });
    order.sort(nearest);
    const here = middle(ground, this.first, most), reach = order.filter((each) => each.middle >= least);
    const start = `In the middle run ${says.replace("half", here >= least ? "at least half" : "less than half")}: ${percent(here)}.`;
    const answer = here >= least ? `${start} Nothing more would have to be true.` : reach.length ? `${start} By itself, each of these would be enough in the middle run: ${reach.map((each) => `${each.label.toLowerCase()} (${each.value})`).join("; ")}.`
      : `${start} No single lever in its range, and no single action, gets there; what comes nearest is listed below.`;
    const rows = order.map((each) => [each.label, each.value, percent(each.middle), often(each.share, most - this.first), each.scenario]);
    return [html("p", { class: "answer" }, answer),
      this.table(`One thing at a time: the least that reaches it, else what comes nearest (found in ${this.first} runs each, told by ${most - this.first} others)`, ["What", "To", "Middle run", "Runs that reach it"], rows)];
  }

  /** A table whose rows can be taken over; the last of a row is its scenario. @param {string} title @param {string[]} heads @param {any[][]} rows */
  table(title, heads, rows) {
    const some = rows.some((row) => row.at(-1));
    const body = rows.map((row) => {
      if (!row.at(-1)) return row.slice(0, some ? undefined : -1).map((each) => each ?? "");
      const take = html("button", { type: "button", "aria-label": `Show: ${row[0]}` }, "Show");
      take.onclick = () => this.store.tried(row.at(-1), () => this.stays());
      return [...row.slice(0, -1), take];
    });
    return scrolling(title, [...heads, ...(some ? ["In the page"] : [])], body, { class: "ranked" }, html("caption", {}, title));
  }
}

/** The same with what is not known. @param {Tried} scenario @returns {Tried} */
const unknown = (scenario) => ({ ...scenario, worlds: true });
const capital = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);
/** @param {Judged} judged */
const between = ({ low, high }) => `${points(low)} to ${points(high)}`;
/** The cell of a table in which a gain is told with what is not known. @param {Map<string, Judged> | undefined} unsure @param {string} label */
function doubt(unsure, label) {
  const known = unsure?.get(label);
  return unsure ? [known ? `${points(known.mean)} (${between(known)})` : ""] : [];
}
/** What gains most on average. @param {Map<string, Judged>} unsure */
const mostGained = (unsure) => [...unsure.entries()].reduce((one, other) => (other[1].mean > one[1].mean ? other : one))[0];
/** Pounds to three digits. @param {number} amount */
const money = (amount) => written(amount / 1000, "pounds");
/** Money that is paid on top, on average. @param {Judged} paid £1,000 */
const onTop = (paid) => moved(1000 * paid.mean);
/** Pounds with their sign, which stay in one line. @param {number} amount */
const moved = (amount) => `${amount < 0 ? "−" : "+"}\u2060${money(Math.abs(amount))}`;
/** Whether what gains most by chance does so with what is not known too. @param {Map<string, Judged> | undefined} unsure @param {string} label */
function most(unsure, label) {
  if (!unsure) return "what is not known may change which is best.";
  const best = mostGained(unsure);
  return best === label ? "with what is not known, the same one gains most on average." : `with what is not known, another gains most on average: ${best}.`;
}
/** @param {Judged} judged */
const gained = (judged) => `${points(judged.mean)} ± ${(196 * judged.error).toFixed(1)}`;
