// The page: levers, what is drawn of the ensembles, and the line that repeats it.
import { bars, curves, html, percent, quantile, summary, written } from "./charts.js";
import { checksum, Engine, opened, unpacked } from "./engine.js";
import { SocietyView } from "./society.js";

const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const CHANCE = "chance: 9 in 10 runs", UNKNOWN = "not knowing";
const SETTLED = 32; // runs before one of them is shown in detail: nobody moves a lever just now
const CARDS = ["uptake_final", "spread_final", "sustained_24", "alignment_final", "money_spent", "time_to_50"];

class Page {
  /** @param {any} header @param {Engine} engine */
  constructor(header, engine) {
    this.header = header;
    this.engine = engine;
    /** @type {Map<string, number | null>} */
    this.values = new Map(header.levers.map((/** @type {any} */ each) => [each.key, each.value]));
    this.sure = false;
    this.drawing = 0;
    this.detailed = "";
    this.began = performance.now();
    this.society = new SocietyView($("society"), header);
    this.society.another.onclick = () => { this.society.run = (this.society.run + 1) % 8; this.detail(); };
    /** @type {((now: any) => void)[]} */
    this.onmoved = [];
    engine.onchange = () => this.soon();
    engine.onfailure = (reason) => stopped(`The model cannot run here (${reason}).`);
    this.levers();
    this.fromLink();
    this.changed();
  }

  /** @param {boolean} base @param {boolean} worlds */
  setting(base, worlds = false) {
    const moved = base ? [] : this.header.levers.filter((/** @type {any} */ each) => this.values.get(each.key) !== each.value);
    const writes = moved.flatMap((/** @type {any} */ each) => {
      const value = this.values.get(each.key);
      const written = value === null || value === undefined ? (each.kind === "event" ? 0 : NaN) : value;
      return each.writes.map(([name, positions]) => [name, positions, written]);
    });
    const key = (worlds ? "worlds:" : "") + JSON.stringify(moved.map((/** @type {any} */ each) => [each.key, this.values.get(each.key)]));
    return { key, writes, worlds };
  }

  get isBase() {
    return this.header.levers.every((/** @type {any} */ each) => this.values.get(each.key) === each.value);
  }

  /** What is shown, for the machine that serves the page. */
  current() {
    const moved = this.header.levers.filter((/** @type {any} */ each) => this.values.get(each.key) !== each.value && !each.toml);
    return { set: Object.fromEntries(moved.map((/** @type {any} */ each) => [each.key, this.values.get(each.key) ?? "natural"])), changes: [] };
  }

  // --- levers -------------------------------------------------------------------------------------------------------
  levers() {
    for (const lever of this.header.levers) $(lever.kind === "event" ? "events" : "levers").append(this.lever(lever));
    $("reset").onclick = () => {
      for (const lever of this.header.levers) this.values.set(lever.key, lever.value);
      this.shown();
      this.changed();
    };
    $("copy").onclick = () => navigator.clipboard?.writeText($("command").textContent ?? "");
    $("share").onclick = () => navigator.clipboard?.writeText(location.href);
  }

  /** @param {any} lever */
  lever(lever) {
    const slider = /** @type {HTMLInputElement} */ (html("input", {
      type: "range", min: lever.low, max: lever.high, step: lever.step, id: `lever-${lever.key}`,
      "aria-label": `${lever.label}, ${lever.unit}`, title: `${lever.meaning}, ${lever.unit}`,
    }));
    const said = html("output", { for: slider.id });
    const optional = lever.kind !== "parameter";
    const on = /** @type {HTMLInputElement} */ (html("input", { type: "checkbox", "aria-label": lever.label }));
    lever.slider = slider; lever.said = said; lever.on = on;
    slider.oninput = () => { this.values.set(lever.key, Number(slider.value)); this.shown(); this.changed(); };
    on.onchange = () => { this.values.set(lever.key, on.checked ? lever.value ?? lever.first : null); this.shown(); this.changed(); };
    const facts = [lever.meaning, lever.unit && `unit: ${lever.unit}`, lever.grade && `${lever.grade}`, lever.source].filter(Boolean).join("; ");
    lever.row = html("div", { class: "lever" },
      html("div", { class: "head" }, optional ? html("label", {}, on, ` ${lever.label}`) : html("label", { for: slider.id }, lever.label), said), slider,
      html("details", {}, html("summary", { "aria-label": `About: ${lever.label}` }, "?"), html("p", {}, facts)));
    return lever.row;
  }

  /** The levers as they stand. */
  shown() {
    for (const lever of this.header.levers) {
      const value = this.values.get(lever.key);
      const set = value !== null && value !== undefined;
      lever.slider.value = String(set ? value : lever.first);
      lever.slider.disabled = !set;
      lever.on.checked = set;
      lever.said.textContent = !set ? (lever.kind === "event" ? "off" : "as it is") : lever.kind === "event" ? `month ${value}` : withUnit(Number(value), lever.unit);
      lever.row.classList.toggle("moved", value !== lever.value);
    }
  }

  /** Settings that came with the address: unknown names and numbers out of range are left out, and it says so. */
  fromLink() {
    const text = decodeURIComponent(location.hash.slice(1));
    let wrong = text.length > 4000;
    if (text && !wrong) {
      for (const part of text.split("&")) {
        const [key, given] = part.split("="), lever = this.header.levers.find((/** @type {any} */ each) => each.key === key);
        const value = given === "off" ? null : Number(given);
        const fits = lever && (value === null ? lever.kind !== "parameter" : given !== "" && value >= lever.low && value <= lever.high);
        if (fits) this.values.set(key, value); else wrong = true;
      }
    }
    if (wrong) $("remark").textContent = "Part of the link was not understood and has been left out.";
    this.shown();
  }

  changed() {
    this.began = performance.now();
    document.body.classList.add("stale");
    const wanted = [this.setting(false)];
    if (!this.isBase) wanted.push(this.setting(true));
    if (this.header.worlds) wanted.push(this.setting(false, true));
    if (this.isBase) wanted.splice(0, 1, this.setting(true));
    this.engine.want(wanted);
    const moved = this.header.levers.filter((/** @type {any} */ each) => this.values.get(each.key) !== each.value);
    history.replaceState(null, "", moved.length ? `#${moved.map((/** @type {any} */ each) => `${each.key}=${this.values.get(each.key) ?? "off"}`).join("&")}` : location.pathname + location.search);
    this.repeat(moved);
    for (const each of this.onmoved) each(this.current());
    this.soon();
  }

  /** The line that repeats it. @param {any[]} moved */
  repeat(moved) {
    const { name, repeat, societies, seed } = this.header.scenario;
    const events = moved.filter((each) => each.kind === "event" && each.toml && this.values.get(each.key) !== null);
    const set = moved.filter((each) => !events.includes(each)).map((each) => {
      const value = this.values.get(each.key);
      return ` --set ${each.key}=${value ?? (each.kind === "event" ? 0 : "natural")}`; // month 0: never
    });
    const file = events.length ? `${name}-changed.toml` : name;
    const nested = societies > 1 ? ` --societies ${societies}` : "";
    $("command").textContent = `${events.length ? `valign run ${file}` : repeat} --runs ${this.header.seeds.length}${nested} --seed ${seed}${set.join("")}`;
    const link = /** @type {HTMLAnchorElement} */ ($("toml"));
    link.hidden = !events.length;
    const toml = [this.header.scenario.toml, ...events.map((each) => each.toml.replace("MONTH", this.values.get(each.key)))].join("\n");
    link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(toml)}`;
    link.download = file;
    link.textContent = `Save ${file}`;
  }

  // --- what is drawn ------------------------------------------------------------------------------------------------
  soon() {
    if (!this.drawing) this.drawing = requestAnimationFrame(() => { this.drawing = 0; guarded(() => this.draw()); });
  }

  draw() {
    const base = this.engine.ensembles.get(this.setting(true).key), now = this.engine.ensembles.get(this.setting(this.isBase).key);
    const worlds = this.header.worlds ? this.engine.ensembles.get(this.setting(false, true).key) : undefined;
    if (base && !this.sure) {
      const passed = this.engine.passesTest(base);
      if (passed === false) return stopped("This browser computes other numbers than valign does, so none are shown. Please use another browser.");
      this.sure = passed === true;
      if (!this.sure && this.isBase) return;
    }
    if (now?.reach) {
      $("headline").textContent = `This level of alignment cannot be reached here: between ${now.reach[0].toFixed(2)} and ${now.reach[1].toFixed(2)} can.`;
      return;
    }
    if (!now || !now.done) return;
    document.body.classList.remove("stale");
    document.body.dataset.runs = String(now.done);
    document.body.dataset.ms = String(Math.round(performance.now() - this.began));
    const narrow = window.innerWidth < 700;
    const marks = this.header.levers.filter((/** @type {any} */ each) => each.kind === "event" && this.values.get(each.key))
      .map((/** @type {any} */ each) => ({ month: Number(this.values.get(each.key)), label: each.label }));
    const chart = (/** @type {string} */ title, /** @type {string} */ variable) => {
      const style = getComputedStyle(document.documentElement), colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
      const lines = [];
      if (!this.isBase && base?.done) lines.push({ label: "as it stands", colour: colour("--muted"), dash: "6 4", summary: summary(this.engine.curves(base, variable)), band: "", pale: true });
      if (worlds?.done) lines.push({ label: UNKNOWN, colour: colour("--pinned"), dash: "2 3", summary: summary(this.engine.curves(worlds, variable)), band: `${UNKNOWN}: 9 in 10`, pale: false });
      lines.push({ label: this.isBase ? "middle run" : "your setting", colour: colour("--main"), dash: "", summary: summary(this.engine.curves(now, variable)), band: CHANCE, pale: false });
      return curves(title, lines, { months: this.engine.months, marks, narrow });
    };
    replaced($("uptake"), chart("People who use it, of all staff, managers and peers", "uptake"));
    replaced($("spread"), chart("Services that use it", "in_use"));
    this.headline(now, base);
    this.cards(now, base);
    this.parts(now, narrow);
    if (this.detailed !== this.setting(this.isBase).key && now.done >= SETTLED) this.detail();
    $("status").textContent = `${now.done} of ${this.header.seeds.length} runs`;
  }

  /** Differences of an outcome within pairs of runs. @param {any} now @param {any} base @param {string} name */
  pairs(now, base, name) {
    const a = this.engine.outcome(now, name), b = this.engine.outcome(base, name);
    return a.map((each, n) => (each === undefined || b[n] === undefined ? NaN : each - /** @type {number} */ (b[n]))).filter(Number.isFinite);
  }

  /** @param {any} now @param {any} base */
  headline(now, base) {
    const sorted = this.engine.outcome(now, "uptake_final").filter((each) => each !== undefined && Number.isFinite(each)).map(Number).sort((a, b) => a - b);
    const years = this.engine.months % 12 ? `${this.engine.months} months` : `${this.engine.months / 12} years`;
    let text = `After ${years}, ${percent(quantile(sorted, 0.5))} of people use ${this.header.scenario.innovation} in the middle run; in nine runs of ten, ${percent(quantile(sorted, 0.05))} to ${percent(quantile(sorted, 0.95))}.`;
    if (!this.isBase && base) {
      const pairs = this.pairs(now, base, "uptake_final");
      const mean = pairs.reduce((sum, each) => sum + each, 0) / pairs.length, points = Math.round(100 * mean);
      const more = pairs.filter((each) => each > 0).length / pairs.length;
      if (pairs.length) text += ` On average that is ${points === 0 ? "the same as" : `${Math.abs(points)} percentage point${Math.abs(points) === 1 ? "" : "s"} ${points > 0 ? "more" : "fewer"} than`} as it stands; more people use it in ${Math.round(100 * more)} of 100 pairs of runs.`;
    }
    $("headline").textContent = text;
  }

  /** @param {any} now @param {any} base */
  cards(now, base) {
    $("cards").replaceChildren(...CARDS.map((name) => {
      const words = this.header.words.outcomes.find((/** @type {any} */ each) => each.name === name);
      const values = this.engine.outcome(now, name).filter((each) => each !== undefined);
      const numbers = values.map((each) => (Number.isFinite(each) ? Number(each) : words.never ? Infinity : NaN)).filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
      const pairs = !this.isBase && base && !words.never ? this.pairs(now, base, name) : [];
      const mean = pairs.reduce((sum, each) => sum + each, 0) / (pairs.length || 1);
      const difference = pairs.length ? `${mean < 0 ? "−" : "+"}${words.kind === "share" ? `${Math.abs(100 * mean).toFixed(0)} points` : written(Math.abs(mean), words.kind)} on average` : "";
      return html("div", { class: "card", title: words.meaning }, html("span", {}, words.label[0].toUpperCase() + words.label.slice(1)), html("b", {}, written(quantile(numbers, 0.5), words.kind)),
        html("small", {}, spread(numbers, words.kind)),
        html("small", { class: "difference" }, difference));
    }));
  }

  /** What moved alignment. @param {any} now @param {boolean} narrow */
  parts(now, narrow) {
    const { societies } = this.header, { entries, balances } = this.header.words;
    const found = now.parts.map((/** @type {Float64Array} */ each, /** @type {number} */ run) => (
      each && { sums: each, people: societies[run % societies.length].people })).filter(Boolean);
    if (found.length < 4) return;
    const offset = balances.indexOf("alignment") * entries.length;
    const names = [...new Set(entries)].filter((name) => name !== "stage" && name !== "episode" && name !== "outside");
    const rows = names.map((name) => {
      const values = found.map((/** @type {any} */ { sums, people }) => entries.reduce((/** @type {number} */ sum, /** @type {string} */ each, /** @type {number} */ n) => (each === name ? sum + sums[offset + n] : sum), 0) / people);
      const sorted = values.slice().sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
      return { label: String(name), value: quantile(sorted, 0.5), low: quantile(sorted, 0.05), high: quantile(sorted, 0.95) };
    }).filter(({ low, high }) => Math.max(Math.abs(low), Math.abs(high)) > 5e-4).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 8);
    const total = `What moved mean alignment (0 to 1), over all months: middle run of ${found.length}, lines: nine in ten`;
    replaced($("parts"), rows.length ? bars(total, rows, narrow) : html("p", {}, "Nothing moved alignment."));
  }

  async detail() {
    const setting = this.setting(this.isBase);
    this.detailed = setting.key;
    const found = await this.engine.one(setting, this.society.run);
    if (setting.key === this.setting(this.isBase).key) guarded(() => this.society.show(found));
  }
}

/** @param {number[]} sorted @param {string} kind */
function spread(sorted, kind) {
  if (!sorted.length) return "does not apply in these months";
  const [low, high] = [written(quantile(sorted, 0.05), kind), written(quantile(sorted, 0.95), kind)];
  return low === high ? "in nine runs of ten" : `nine in ten: ${low} to ${high}`;
}

/** @param {number} value @param {string} unit */
function withUnit(value, unit) {
  if (unit === "share") return `${Number((100 * value).toPrecision(3))} %`;
  const number = String(Number(value.toPrecision(4)));
  return unit.length <= 10 && !unit.startsWith("0") ? `${number} ${unit}` : number;
}

/** Put a figure in place; what was opened stays open. @param {HTMLElement} place @param {HTMLElement} made */
function replaced(place, made) {
  const open = place.querySelector("details")?.hasAttribute("open");
  if (open) made.querySelector("details")?.setAttribute("open", "");
  place.replaceChildren(made);
}

/** Draw; what cannot be drawn is a scenario that nobody has made with valign. @param {() => void} draw */
function guarded(draw) {
  try {
    draw();
  } catch (error) {
    console.warn(error);
    stopped("The scenario in this page is damaged.");
  }
}

/** @param {string} sentence */
function stopped(sentence) {
  document.body.classList.add("stopped");
  $("problem").textContent = sentence;
  $("problem").hidden = false;
}

async function begin() {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function" || typeof Worker !== "function") {
    return stopped("This browser is too old to run the model: use Chrome or Edge from version 91, Firefox from 113 or Safari from 16.4.");
  }
  try {
    const [code, file] = await Promise.all([unpacked($("month-wasm").textContent ?? ""), unpacked($("image").textContent ?? "")]);
    const { header, data } = opened(file, document.body.dataset.kernels ?? "");
    if (!WebAssembly.validate(code)) {
      return stopped("This browser cannot run the model (it lacks WebAssembly with 128-bit vectors): use a newer one.");
    }
    const engine = new Engine(header, data, await WebAssembly.compile(code), JSON.parse($("worker").textContent ?? ""));
    Object.assign(window, { page: new Page(header, engine), valign: { checksum, opened, unpacked } });
  } catch (error) {
    stopped(error instanceof Error ? error.message : String(error));
  }
}

begin();
