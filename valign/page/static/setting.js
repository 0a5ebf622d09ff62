// What is set: levers and actions of one scenario as what the engine writes, what they cost, and how a script repeats them.
// Months, values and prices come from Python; here they are put together.

/**
 * @typedef {{step: number, place: number, start: number}} Done
 * @typedef {{name: string, values: Record<string, number | null>, actions: Record<string, Done>}} Scenario
 * @typedef {{month: number, parameter: string, set: number, organisations?: string[]}} Change
 */

export const MOST_NAME = 24;

/** £, rounded as people say it. @param {number} value */
export const pounds = (value) => `${value < 0 ? "−" : ""}£${Math.round(Math.abs(value)).toLocaleString("en-GB")}`;

export class Settings {
  /** @param {any} header */
  constructor(header) {
    this.header = header;
    this.levers = /** @type {any[]} */ (header.levers);
    this.actions = /** @type {any[]} */ (header.actions);
    this.months = header.scenario.months;
    this.base = /** @type {Scenario} */ ({ name: "As it stands", values: {}, actions: {} });
  }

  /** @param {string} id */
  action(id) {
    return this.actions.find((each) => each.id === id);
  }

  /** @param {Scenario} scenario @param {any} lever */
  value(scenario, lever) {
    return Object.hasOwn(scenario.values, lever.key) ? scenario.values[lever.key] : lever.value;
  }

  /** @param {Scenario} scenario */
  moved(scenario) {
    return this.levers.filter((each) => this.value(scenario, each) !== each.value);
  }

  /** Actions that are on, in the order of the page. @param {Scenario} scenario @returns {{action: any, done: Done}[]} */
  doing(scenario) {
    return this.actions.filter((each) => Object.hasOwn(scenario.actions, each.id)).map((action) => ({ action, done: scenario.actions[action.id] }));
  }

  /** What an action that is on makes impossible here: the sentence, or nothing. @param {Scenario} scenario @param {string} id */
  blocked(scenario, id) {
    const other = this.doing(scenario).find(({ action }) => action.id !== id && action.beside.includes(id));
    if (other) return `cannot be combined with “${other.action.name}”`;
    const lever = this.moved(scenario).find((each) => each.kind === "parameter" && this.action(id).moves.includes(each.key));
    return lever ? `“${lever.label}” has been moved by hand` : "";
  }

  /** The mandate that is on, if one is. @param {Scenario} scenario */
  mandate(scenario) {
    return this.doing(scenario).find(({ action }) => action.moves.includes("mandate") && !action.months)?.action; // the pilot fund moves it for a month
  }

  /** What the end of funding does under a mandate, where both are set; else nothing. @param {Scenario} scenario */
  held(scenario) {
    const ends = this.levers.some((each) => each.change?.parameter === "funding"), mandate = this.mandate(scenario);
    return ends && mandate ? ` While “${mandate.name}” holds, no service's funding ends: the end of funding then only stops new contracts of commissioners. What happens when the mandate itself ends is seen by “The mandate ends”. What it costs is what services are then paid for it, not on top of that.` : "";
  }

  /** The action that moves a lever's parameter. @param {Scenario} scenario @param {any} lever */
  moverOf(scenario, lever) {
    return this.doing(scenario).find(({ action }) => action.moves.includes(lever.key))?.action;
  }

  /** Changes that an action makes: number, month, value, column over worlds. @param {any} action @param {Done} done @returns {[number, number, number, number | undefined][]} */
  made(action, { step, place, start }) {
    return action.changes[step][place].map(([change, offset, value, column]) => [change, start + offset, value, column])
      .filter(([, month]) => month <= this.months);
  }

  /** What the engine writes, under a key that equal settings share. @param {Scenario} scenario @param {boolean} [worlds] */
  setting(scenario, worlds = false) {
    const moved = this.moved(scenario), doing = this.doing(scenario);
    /** @type {[string, number[], number, number?][]} */
    const writes = moved.flatMap((each) => {
      const value = this.value(scenario, each);
      const written = value === null ? (each.kind === "event" ? 0 : NaN) : value;
      return each.writes.map(([name, positions]) => [name, positions, written]);
    });
    for (const { action, done } of doing) {
      for (const [change, month, value, column] of this.made(action, done)) {
        writes.push(["change_month", [change], month], ["change_value", [change], value, column]);
      }
    }
    const key = JSON.stringify([moved.map((each) => [each.key, this.value(scenario, each)]), doing.map(({ action, done }) => [action.id, done.step, done.place, done.start])]);
    return { key: (worlds ? "worlds:" : "") + key, writes, worlds };
  }

  /** The last month of an action that goes on to the end, or until a change of the scenario ends it. @param {any} action @param {Scenario} scenario */
  last(action, scenario) {
    const ends = this.levers.filter(({ change }) => !action.months && change?.set === 0 && action.moves.includes(change.parameter)).map((each) => this.value(scenario, each));
    return Math.min(this.months, ...ends.filter((each) => each !== null).map((each) => each - 1));
  }

  /** £ low, likely, high of an action in a scenario. @param {any} action @param {Done} done @param {Scenario} scenario @returns {number[]} */
  cost(action, { step, place, start }, scenario) {
    const left = Math.max(0, this.last(action, scenario) - start + 1);
    const years = action.once ? 1 : Math.min(action.months || left, left) / 12;
    return action.pounds[step][place].map((/** @type {number} */ rate) => rate * years);
  }

  /** @param {Scenario} scenario @returns {number[]} */
  spent(scenario) {
    return this.doing(scenario).reduce((sum, { action, done }) => this.cost(action, done, scenario).map((each, n) => sum[n] + each), [0, 0, 0]);
  }

  /** An action in words. @param {any} action @param {Done} done */
  said(action, { step, place, start }) {
    const steps = action.steps.length > 1 ? ` (${action.steps[step]})` : "";
    const where = action.places.length > 1 ? ` ${action.places[place].name}` : "";
    return `${action.name}${steps}${where}${start > 1 ? `, from month ${start}` : ""}`;
  }

  /** A lever in words. @param {Scenario} scenario @param {any} lever */
  saidOf(scenario, lever) {
    const value = this.value(scenario, lever);
    if (lever.kind === "answer") return `what ${lever.who} hold important`;
    return `${lever.label}: ${value === null ? (lever.kind === "event" ? "never" : "as it is") : lever.kind === "event" ? `month ${value}` : withUnit(value, lever.unit)}`;
  }

  /** Levers in words; a group's values together. @param {Scenario} scenario @param {any[]} levers @returns {string[]} */
  saidOfAll(scenario, levers) {
    return [...new Set(levers.map((each) => this.saidOf(scenario, each)))];
  }

  /** What is done and moved in a scenario, in words. @param {Scenario} scenario */
  summary(scenario) {
    const parts = [...this.doing(scenario).map(({ action, done }) => this.said(action, done)), ...this.saidOfAll(scenario, this.moved(scenario))];
    return parts.join("; ") || "Nothing changed";
  }

  /** Scheduled changes beside the scenario's own. @param {Scenario} scenario @returns {Change[]} */
  changes(scenario) {
    const events = this.moved(scenario).filter((each) => each.kind === "event" && each.change && this.value(scenario, each) !== null)
      .map((each) => ({ month: Number(this.value(scenario, each)), ...each.change }));
    const acted = this.doing(scenario).flatMap(({ action, done }) => this.made(action, done).map(([number, month, set]) => {
      const { parameter, services } = this.header.changes[number];
      return services.length ? { month, parameter, set, organisations: services } : { month, parameter, set };
    }));
    return [...events, ...acted];
  }

  /** Levers that are said with --set. @param {Scenario} scenario @returns {[string, number | string][]} */
  settings(scenario) {
    return this.moved(scenario).filter((each) => each.kind !== "event" || !each.change).map((each) => {
      const value = this.value(scenario, each);
      return [each.key, value ?? (each.kind === "event" ? 0 : "natural")]; // month 0: never
    });
  }

  /** The scenario as a file that valign reads. @param {Scenario} scenario */
  toml(scenario) {
    let text = /** @type {string} */ (this.header.scenario.toml);
    for (const [key, value] of this.settings(scenario)) text = withKey(text, key, value);
    const changes = this.changes(scenario).map((each) => {
      const where = each.organisations ? `\norganisations = ${JSON.stringify(each.organisations)}` : "";
      return `[[changes]]\nmonth = ${each.month}\nparameter = "${each.parameter}"\nset = ${each.set}${where}\n`;
    });
    const what = this.summary(scenario).replace(/[\n\r]/g, " ");
    return [`# ${scenario.name.replace(/[\n\r]/g, " ")}: ${what}\n${text.trimEnd()}\n`, ...changes].join("\n");
  }

  /** The name of its file. @param {Scenario} scenario */
  file(scenario) {
    const plain = scenario.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "scenario";
    return `${this.header.scenario.name}-${plain}.toml`;
  }

  /** The line that gives the same runs; `file`: what has to be saved first. @param {Scenario} scenario */
  line(scenario) {
    const { repeat } = this.header.scenario, file = this.changes(scenario).length ? this.file(scenario) : "";
    const set = file ? "" : this.settings(scenario).map(([key, value]) => ` --set ${key}=${value}`).join("");
    return { command: `${file ? `valign run ${file}` : repeat}${this.seeds()}${set}`, file };
  }

  /** The line that compares two of them in the same pairs of runs. @param {Scenario} one @param {Scenario} other */
  comparison(one, other) {
    return `valign compare --at-defaults ${[one, other].map((each) => this.file(each)).join(" ")}${this.seeds()}`;
  }

  seeds() {
    const { societies, seed } = this.header.scenario;
    return ` --runs ${this.header.seeds.length}${societies > 1 ? ` --societies ${societies}` : ""} --seed ${seed}`;
  }

  /** A scenario that came from outside; throws a sentence where it is none of this page's. @param {any} given @returns {Scenario} */
  checked(given) {
    const wrong = (/** @type {string} */ what) => new Error(`It names ${what} that this page does not have.`);
    if (typeof given?.name !== "string" || typeof given.values !== "object" || typeof given.actions !== "object") throw new Error("It does not hold scenarios of this page.");
    /** @type {Scenario} */
    const found = { name: tidy(given.name), values: {}, actions: {} };
    for (const [key, value] of Object.entries(given.values ?? {})) {
      const lever = this.levers.find((each) => each.key === key);
      const fits = lever && (value === null ? ["event", "level"].includes(lever.kind) : typeof value === "number" && value >= lever.low && value <= lever.high && (lever.kind !== "event" || Number.isInteger(value)));
      if (!fits) throw wrong("a setting");
      if (value !== lever.value) found.values[key] = value;
    }
    for (const [id, done] of Object.entries(given.actions ?? {})) {
      const action = this.action(id), { step, place, start } = /** @type {any} */ (done ?? {});
      const whole = (/** @type {any} */ n, /** @type {number} */ low, /** @type {number} */ high) => Number.isInteger(n) && n >= low && n <= high;
      if (!action || !whole(step, 0, action.steps.length - 1) || !whole(place, 0, action.places.length - 1) || !whole(start, 1, action.last)) throw wrong("an action");
      if (this.blocked(found, id)) throw new Error("It puts actions together that exclude each other.");
      found.actions[id] = { step, place, start };
    }
    return found;
  }
}

/** @param {string} name */
export const tidy = (name) => name.replace(/\s+/g, " ").trim().slice(0, MOST_NAME) || "Unnamed";

/** A key of a scenario's file set anew. @param {string} text @param {string} key @param {number | string} value */
export function withKey(text, key, value) {
  const written = typeof value === "number" ? String(value) : JSON.stringify(value);
  const change = /^changes\.(\d+)\.month$/.exec(key);
  if (change) {
    let n = -1;
    return text.replace(/^\[\[changes\]\]\nmonth = \d+$/gm, (found) => (++n === Number(change[1]) ? `[[changes]]\nmonth = ${written}` : found));
  }
  const dot = key.lastIndexOf("."), own = key.slice(dot + 1);
  const section = dot < 0 ? (key === "alignment_level" ? "" : "parameters") : key.slice(0, dot);
  const heads = [...text.matchAll(/^\[.*\]$/gm)];
  const head = section ? heads.find((each) => each[0] === `[${section}]`) : undefined;
  if (section && !head) return `${text.trimEnd()}\n\n[${section}]\n${own} = ${written}\n`;
  const from = head ? head.index + head[0].length + 1 : 0;
  const next = heads.find((each) => each.index >= from), to = next ? next.index : text.length;
  const lines = text.slice(from, to), known = new RegExp(`^${own} = .*$`, "m");
  const made = known.test(lines) ? lines.replace(known, `${own} = ${written}`) : `${own} = ${written}\n${lines}`;
  return text.slice(0, from) + made + text.slice(to);
}

/** @param {number} value @param {string} unit */
export function withUnit(value, unit) {
  if (unit === "share") return `${Number((100 * value).toPrecision(3))} %`;
  const number = String(Number(value.toPrecision(4)));
  return unit.length <= 10 && !unit.startsWith("0") ? `${number} ${unit}` : number;
}
