// The front door: five questions, and what the page can try for them by running the model.
import { $, html, percent, quantile } from "./charts.js";
import { mean, time } from "./results.js";
import { pounds, withUnit } from "./setting.js";

/**
 * @typedef {import("./setting.js").Scenario} Scenario
 * @typedef {import("./engine.js").Trial} Trial
 * @typedef {{label: string, scenario: Scenario, cost: number}} Try
 * @typedef {{mean: number, error: number, best: number, middle: number, low: number, high: number}} Judged
 */

const FRESH = 64, SINGLES = 6; // runs to judge by, others than those by which mixes are chosen; how many go into pairs
const CHOOSE = 32, CHOOSE_OF_MANY = 16, MANY = 300; // runs by which mixes are chosen; where there are many people
const MOST_TRIES = 120;
const GRID = [0, 0.25, 0.5, 0.75, 1]; // of a lever's range
const LEVELS = [0.5, 0.6, 0.7, 0.8, 0.9];

export class Questions {
  /** @param {any} page */
  constructor(page) {
    this.page = page;
    this.store = page.store;
    this.settings = page.settings;
    this.engine = page.engine;
    this.header = page.header;
    /** @type {{trials: Trial[], done: () => void, stop: (reason: Error) => void} | null} */
    this.running = null;
    this.first = this.header.scenario.people < MANY ? CHOOSE : CHOOSE_OF_MANY;
    /** @type {Trial[]} */ this.held = []; // what a trial needs to the end
    this.made = ""; // of which levers and budget what is shown was found
    this.goal = this.header.goals[0];
    const goal = /** @type {HTMLSelectElement} */ ($("goal"));
    goal.append(...this.header.goals.map((/** @type {any} */ each) => html("option", { value: each.name }, each.says)));
    goal.onchange = () => { this.goal = this.header.goals.find((/** @type {any} */ each) => each.name === goal.value); this.clear(); };
    $("try").onclick = () => this.start();
    $("stop").onclick = () => this.cancel();
    this.door();
  }

  get question() {
    return this.header.questions.find((/** @type {any} */ each) => each.id === (this.store.state.question || "spread"));
  }

  /** @param {string} text */
  filled(text) {
    const { innovation, services, people, name } = this.header.scenario;
    const words = { innovation, services: `${services} service${services === 1 ? "" : "s"}`, people, name, runs: this.header.seeds.length,
      budget: pounds(this.store.state.budget), pounds: Math.round(this.store.state.budget) };
    return text.replace(/\{(\w+)\}/g, (whole, key) => String(/** @type {any} */ (words)[key] ?? whole));
  }

  door() {
    $("opening").replaceChildren(...this.header.opening.map((/** @type {string} */ each) => html("p", {}, this.filled(each))));
    for (const place of ["doors", "tabs"]) {
      $(place).replaceChildren(...this.header.questions.map((/** @type {any} */ each) => {
        const made = html("button", { type: "button", "data-question": each.id }, place === "tabs" ? each.tab : "");
        made.onclick = () => { this.store.view(each.id); $("question").focus({ preventScroll: true }); window.scrollTo({ top: 0 }); };
        return made;
      }));
    }
    $("about-page").onclick = () => this.store.view("");
  }

  /** The question that is asked, and its controls. */
  shown() {
    const { question } = this, open = !this.store.state.question;
    $("door").hidden = !open;
    for (const each of document.querySelectorAll("#doors button")) each.textContent = this.filled(this.header.questions.find((/** @type {any} */ q) => q.id === /** @type {HTMLElement} */ (each).dataset.question).name);
    for (const each of document.querySelectorAll("#tabs button")) each.setAttribute("aria-pressed", String(!open && /** @type {HTMLElement} */ (each).dataset.question === question.id));
    $("about-page").hidden = open;
    $("question").textContent = this.filled(question.name);
    $("says").textContent = this.filled(question.says);
    $("beyond").replaceChildren(...question.beyond.map((/** @type {string} */ each) => html("p", {}, ...coded(this.filled(each)))));
    for (const name of ["events", "level"]) $(`show-${name}`).hidden = !question.show.includes(name);
    const more = /** @type {HTMLDetailsElement} */ ($("show-levers"));
    if (more.dataset.of !== question.id) { more.open = question.show.includes("levers"); more.dataset.of = question.id; this.clear(); }
    $("show-goal").hidden = !question.show.includes("goal");
    $("try").hidden = !question.trial;
    $("try").textContent = this.filled(question.button);
    if (this.made && this.made !== this.circumstances) $("progress").textContent = "Found before your last change: try again for what is set now.";
    $("trial").hidden = !question.trial && !question.beyond.length;
  }

  /** What a trial depends on. */
  get circumstances() {
    const { values, actions } = this.store.shown, { trial } = this.question;
    return JSON.stringify([trial, values, trial === "money" ? this.store.state.budget : 0, trial === "ending" || trial === "true" ? actions : 0]);
  }

  // --- trials -------------------------------------------------------------------------------------------------------
  clear() {
    this.cancel();
    this.made = "";
    $("found").replaceChildren();
    $("progress").textContent = "";
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
    const [done, all] = this.engine.progress(this.running.trials);
    $("progress").textContent = `${done} of ${all} runs`;
    if (done >= all) this.running.done();
  }

  /** Compute runs from one number to another of each. @param {Scenario[]} scenarios @param {number} from @param {number} to @returns {Promise<void>} */
  computed(scenarios, from, to) {
    const settings = new Map(scenarios.map((each) => this.settings.setting(each)).map((each) => [each.key, each]));
    const trials = [...settings.values()].map((setting) => ({ setting, from, to }));
    this.held = [...this.held, ...trials];
    return new Promise((resolve, reject) => {
      const end = () => { this.running = null; };
      this.running = {
        trials,
        done: () => { end(); resolve(); }, stop: (reason) => { end(); reject(reason); },
      };
      this.page.compute();
      this.heard();
    });
  }

  async start() {
    const { trial } = this.question;
    this.cancel();
    $("stop").hidden = false;
    $("try").toggleAttribute("disabled", true);
    $("found").replaceChildren();
    this.made = this.circumstances;
    try {
      const made = await ({ money: () => this.money(), ready: () => this.ready(), ending: () => this.ending(), true: () => this.conditions() })[/** @type {"money"} */ (trial)]();
      $("found").replaceChildren(...made);
      $("progress").textContent = "";
      document.body.dataset.tried = trial;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "stopped") throw error;
      $("progress").textContent = "Stopped.";
    } finally {
      this.held = [];
      $("stop").hidden = true;
      $("try").toggleAttribute("disabled", false);
      this.page.compute();
    }
  }

  /** What a trial begins from: the levers as they are set, without any action. @returns {Scenario} */
  get ground() {
    return { name: "nothing done", values: { ...this.store.shown.values }, actions: {} };
  }

  /** @param {Scenario} scenario */
  ensemble(scenario) {
    return this.engine.ensembles.get(this.settings.setting(scenario).key);
  }

  /** Runs from … to … of an outcome. @param {Scenario} scenario @param {string} name @param {number} from @param {number} to @returns {number[]} */
  values(scenario, name, from, to) {
    return this.engine.outcome(this.ensemble(scenario), name).slice(from, to).map(Number);
  }

  /** The first runs of an outcome, in order; never is infinite. @param {Scenario} scenario @param {string} name @param {number} to */
  ordered(scenario, name, to) {
    const never = this.header.words.outcomes.find((/** @type {any} */ each) => each.name === name)?.never;
    return this.values(scenario, name, 0, to).map((each) => (never && Number.isNaN(each) ? Infinity : each)).filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
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
          const done = { step, place, start: 1 }, [, cost] = this.settings.cost(action, done);
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

  async money() {
    const { budget } = this.store.state, ground = this.ground, name = "uptake_mean";
    const singles = this.singles(ground, budget);
    if (!singles.length) return [html("p", {}, `No action costs ${pounds(budget)} or less: enter a larger budget.`)];
    await this.computed([ground, ...singles.map(({ scenario }) => scenario)], 0, this.first);
    const order = (/** @type {Try[]} */ tries, /** @type {Judged[]} */ found) => tries.map((each, n) => ({ ...each, judged: found[n] })).sort((a, b) => b.judged.mean - a.judged.mean);
    const first = order(singles, this.judged(singles, ground, name, 0, this.first));
    const two = this.inPairs(first.slice(0, SINGLES), budget);
    if (two.length) await this.computed(two.map(({ scenario }) => scenario), 0, this.first);
    const all = order([...singles, ...two], this.judged([...singles, ...two], ground, name, 0, this.first));
    const last = all.slice(0, SINGLES);
    const to = Math.min(this.header.seeds.length, this.first + FRESH);
    await this.computed([ground, ...last.map(({ scenario }) => scenario)], this.first, to);
    const judged = order(last, this.judged(last, ground, name, this.first, to));
    const top = judged[0], sure = top.judged.mean > 2 * top.judged.error;
    const points = (/** @type {number} */ gain) => `${gain < 0 ? "−" : "+"}${Math.abs(100 * gain).toFixed(1)}`;
    const says = sure ? `Best of what was tried: ${top.label}, for ${pounds(top.cost)}. Over doing nothing it adds ${(100 * top.judged.mean).toFixed(1)} percentage points to the people who use it (mean over all months), and it comes out best of these in ${Math.round(100 * top.judged.best)} of 100 runs.`
      : "None of what was tried is clearly better than doing nothing.";
    const rows = judged.map((each) => [each.label, pounds(each.cost), `${points(each.judged.mean)} ± ${(196 * each.judged.error).toFixed(1)}`, `${points(each.judged.low)} to ${points(each.judged.high)}`, `${Math.round(100 * each.judged.best)} %`, each.scenario]);
    return [html("p", { class: "answer" }, says),
      this.table("What the best of it gains", ["What is done", "Cost", "Gain in points, on average", "Nine runs of ten", "Best of these"], rows),
      html("p", { class: "how" }, `${singles.length + two.length} mixes were tried on ${this.first} runs each; the ${judged.length} that did best are judged on ${to - this.first} other runs, so that luck in the first does not flatter them. ± is the 95 % interval of the average. Chance alone: what is not known about people, services, effects and costs is not in it.`)];
  }

  async ready() {
    const ground = this.ground, lever = this.settings.levers.find((/** @type {any} */ each) => each.kind === "level");
    const tries = LEVELS.filter((each) => each >= lever.low && each <= lever.high).map((level) => ({ level, scenario: { ...ground, values: { ...ground.values, [lever.key]: level } } }));
    await this.computed([ground, ...tries.map(({ scenario }) => scenario)], 0, FRESH);
    const rows = tries.map(({ level, scenario }) => [level.toFixed(2), ...this.told(scenario), scenario]);
    const aligned = mean(this.values(ground, "alignment_start", 0, FRESH));
    return [html("p", { class: "answer" }, `With the typical values in this page, alignment at the start is ${aligned.toFixed(2)} on a scale from 0 to 1.`),
      this.table(`How it goes in ${FRESH} runs by alignment at the start`, ["Alignment", "People who use it at the end", "Services that use it at the end"], rows)];
  }

  /** People and services at the end, in words. @param {Scenario} scenario @returns {[string, string]} */
  told(scenario) {
    const ensemble = this.ensemble(scenario);
    if (ensemble.reach) return [`cannot be reached: ${ensemble.reach[0].toFixed(2)} to ${ensemble.reach[1].toFixed(2)} can`, ""];
    const said = (/** @type {string} */ name) => {
      const found = this.ordered(scenario, name, FRESH);
      return found.length ? `${percent(quantile(found, 0.5))} (${percent(quantile(found, 0.05))} to ${percent(quantile(found, 0.95))})` : "not seen in these months";
    };
    return [said("uptake_final"), said("spread_final")];
  }

  async ending() {
    const lever = this.settings.levers.find((/** @type {any} */ each) => each.change?.parameter === "funding");
    if (!lever) return [html("p", {}, "Funding cannot be ended in this page.")];
    const base = this.store.shown, months = [12, 24, 36, 60, 120].filter((each) => each < this.settings.months);
    const tries = [null, ...months].map((month) => {
      const values = { ...base.values };
      delete values[lever.key];
      return { label: month === null ? "Funding as it stands" : `Funding ends after ${time(month)}`, scenario: { ...base, values: month === null ? values : { ...values, [lever.key]: month } } };
    });
    await this.computed(tries.map(({ scenario }) => scenario), 0, FRESH);
    const [plain] = tries, before = this.values(plain.scenario, "spread_final", 0, FRESH);
    const fewer = (/** @type {Scenario} */ scenario) => mean(this.values(scenario, "spread_final", 0, FRESH).map((each, n) => each - before[n]));
    const rows = tries.map(({ label, scenario }, n) => {
      const lost = fewer(scenario);
      return [label, ...this.told(scenario), n ? `${lost < 0 ? "−" : "+"}${Math.abs(100 * lost).toFixed(0)} points` : "", scenario];
    });
    const said = tries.slice(1).map(({ label, scenario }) => {
      const lost = 100 * fewer(scenario);
      return `${label.replace("Funding ends after ", "")}: ${Math.abs(lost) < 0.5 ? "no difference" : `${Math.abs(lost).toFixed(0)} percentage point${Math.abs(lost).toFixed(0) === "1" ? "" : "s"} ${lost < 0 ? "fewer" : "more"}`}`;
    });
    return [html("p", { class: "answer" }, `If funding ends everywhere, how many services use it at the end, on average against funding as it stands? After ${said.join("; after ")}.`),
      this.table(`After ${time(this.settings.months)}, in ${FRESH} runs; with the actions that are on`, ["When", "People who use it", "Services that use it", "Services, on average"], rows)];
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
      tries.push({ name: action.id, label: action.name, value: `${action.steps[done.step]}, ${pounds(this.settings.cost(action, done)[1])}`, far: 2, scenario: { ...ground, actions: { ...ground.actions, [action.id]: done } } });
    }
    await this.computed([ground, ...tries.map(({ scenario }) => scenario)], 0, this.first);
    const middle = (/** @type {Scenario} */ scenario) => { const found = this.ordered(scenario, outcome, this.first); return found.length ? quantile(found, 0.5) : NaN; };
    const often = (/** @type {Scenario} */ scenario) => { const found = this.ordered(scenario, outcome, this.first); return found.length ? found.filter((each) => each >= least).length / found.length : NaN; };
    const here = middle(ground);
    const least_ = new Map();
    for (const each of tries.map((one) => ({ ...one, middle: middle(one.scenario), often: often(one.scenario) })).sort((a, b) => a.far - b.far)) {
      const before = least_.get(each.name);
      if (!before || (before.middle < least && each.middle > before.middle)) least_.set(each.name, each);
    }
    const order = [...least_.values()].filter((each) => Number.isFinite(each.middle)).sort((a, b) => Number(b.middle >= least) - Number(a.middle >= least) || (a.middle >= least ? a.far - b.far : b.middle - a.middle)).slice(0, 12);
    const reach = order.filter((each) => each.middle >= least);
    const start = `In the middle run ${says.replace("half", here >= least ? "at least half" : "less than half")}: ${percent(here)}.`;
    const answer = here >= least ? `${start} Nothing more would have to be true.` : reach.length ? `${start} By itself, each of these would be enough: ${reach.map((each) => `${each.label.toLowerCase()} (${each.value})`).join("; ")}.`
      : `${start} No single lever in its range, and no single action, gets there; what comes nearest is listed below.`;
    const rows = order.map((each) => [each.label, each.value, percent(each.middle), `${Math.round(100 * each.often)} of 100`, each.scenario]);
    return [html("p", { class: "answer" }, answer),
      this.table(`One thing at a time: the least that reaches it, else what comes nearest (${this.first} runs each)`, ["What", "To", "Middle run", "Runs that reach it"], rows)];
  }

  /** A table whose rows can be taken over; the last of a row is its scenario. @param {string} title @param {string[]} heads @param {any[][]} rows */
  table(title, heads, rows) {
    const body = rows.map((row) => {
      const take = html("button", { type: "button", "aria-label": `Show: ${row[0]}` }, "Show");
      take.onclick = () => this.store.change((/** @type {any} */ state) => {
        const { values, actions } = structuredClone(row.at(-1));
        Object.assign(state.scenarios[state.shown], { values, actions });
        this.made = this.made && this.circumstances; // what was found stays true
      });
      return html("tr", {}, html("th", { scope: "row" }, row[0]), ...row.slice(1, -1).map((each) => html("td", {}, each)), html("td", {}, take));
    });
    return html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, html("table", { class: "ranked" }, html("caption", {}, title),
      html("thead", {}, html("tr", {}, ...heads.map((each) => html("th", { scope: "col" }, each)), html("th", { scope: "col" }, "In the page"))), html("tbody", {}, ...body)));
  }
}

/** Text with what stands in backquotes as code. @param {string} text @returns {(Node | string)[]} */
function coded(text) {
  return text.split("`").map((each, n) => (n % 2 ? html("code", {}, each) : each));
}
