// The page: what is set, what is computed, what is drawn, and the line that repeats it.
import { Answers } from "./answers.js";
import { $ } from "./charts.js";
import { Controls, Scenarios } from "./controls.js";
import { checksum, Engine, opened, unpacked } from "./engine.js";
import { Questions } from "./questions.js";
import { Results } from "./results.js";
import { Settings } from "./setting.js";
import { choose } from "./several.js";
import { SocietyView } from "./society.js";
import { Store } from "./store.js";
import { Unknowns } from "./unknowns.js";
import { save, Workshop } from "./workshop.js";

const SETTLED = 32; // runs before one of them is shown in detail: nobody moves a lever just now

class Page {
  /** @param {any} header @param {Engine} engine @param {ArrayBuffer} data @param {any} further what trials need beside the image */
  constructor(header, engine, data, further) {
    this.header = header;
    this.engine = engine;
    this.further = further;
    this.settings = new Settings(header);
    this.store = new Store(this.settings);
    this.sure = false;
    this.drawing = 0;
    this.detailed = "";
    this.began = performance.now();
    /** Keys of what is drawn; trials are not. @type {Set<string>} */ this.drawn = new Set();
    /** Called whenever what is shown changes. @type {((now: any) => void)[]} */
    this.onmoved = [];
    this.answers = new Answers(this.store, further.people);
    this.controls = new Controls(this.store);
    this.scenarios = new Scenarios(this.store);
    this.results = new Results(engine);
    this.unknowns = new Unknowns(engine, data, further.unknowns);
    this.questions = new Questions(this);
    this.workshop = new Workshop(this);
    this.society = new SocietyView($("society"), header);
    this.society.another.onclick = () => { this.society.run = (this.society.run + 1) % 8; this.detail(); };
    engine.onchange = (key) => { this.questions.heard(); if (this.drawn.has(key)) this.soon(); };
    engine.onfailure = (reason) => stopped(`The model cannot run here (${reason}).`);
    this.store.onchange = () => this.changed();
    this.buttons();
  }

  /** Begin with what the address holds, else with what this browser had saved. */
  async begin() {
    if (location.hash.length > 1) {
      try {
        await this.store.fromLink(location.hash);
      } catch (error) {
        $("remark").textContent = `The link could not be used. ${error instanceof Error ? error.message : ""}`;
      }
      history.replaceState(null, "", location.pathname + location.search);
    } else $("remark").textContent = this.store.load();
    const ask = this.header.questions.find((/** @type {any} */ each) => each.trial && each.id === new URLSearchParams(location.search).get("ask"));
    if (!ask) return this.changed();
    this.store.view(ask.id);
    this.questions.start();
  }

  buttons() {
    const copied = (/** @type {string} */ text, /** @type {string} */ what) => {
      navigator.clipboard?.writeText(text).then(() => { $("remark").textContent = `${what} copied.`; }, () => { $("remark").textContent = "This browser does not allow copying."; });
    };
    $("copy").onclick = () => copied($("command").textContent ?? "", "The line was");
    $("share").onclick = async () => {
      const link = await this.store.link();
      history.replaceState(null, "", link);
      copied(link, "The link to all scenarios was");
    };
    $("toml").onclick = () => save(this.settings.file(this.store.shown), this.settings.toml(this.store.shown));
    $("toml-against").onclick = () => save(this.settings.file(this.store.against), this.settings.toml(this.store.against));
  }

  /** @param {boolean} base @param {boolean} worlds */
  setting(base, worlds = false) {
    return this.settings.setting(base ? this.settings.base : this.store.shown, worlds);
  }

  get isBase() {
    return this.setting(false).key === this.setting(true).key;
  }

  // --- for scripts, and for the machine that serves the page ----------------------------------------------------------
  /** What is shown now: parameters that were moved, changes from a month on (`scheduled`: those with a switch of their own), actions, and the line that repeats it. */
  current() {
    const { shown } = this.store, { settings } = this;
    return {
      scenario: this.header.scenario.name, name: shown.name, set: Object.fromEntries(settings.settings(shown)), changes: settings.changes(shown),
      actions: settings.doing(shown).map(({ action, done }) => ({ id: action.id, step: action.steps[done.step], place: action.places[done.place].name, start: done.start, cost: settings.cost(action, done, shown)[1] })),
      scheduled: Object.fromEntries(settings.moved(shown).filter((each) => each.kind === "event").map((each) => [each.key, settings.value(shown, each)])),
      budget: this.store.state.budget, command: settings.line(shown).command, toml: settings.toml(shown),
    };
  }

  /** Set what is shown: `set`, `scheduled` and `actions` as `current` gives them; throws a sentence. @param {any} given */
  apply(given) {
    const actions = Object.fromEntries((given.actions ?? []).map((/** @type {any} */ each) => {
      const action = this.settings.action(each.id);
      return [each.id, { step: action?.steps.indexOf(each.step), place: Math.max(0, action?.places.findIndex((/** @type {any} */ place) => place.name === each.place)), start: each.start ?? 1 }];
    }));
    const set = Object.entries(given.set ?? {}).map(([key, value]) => [key, value === "natural" || (value === 0 && key.startsWith("changes.")) ? null : value]);
    const values = { ...Object.fromEntries(set), ...given.scheduled };
    const found = this.settings.checked({ name: given.name ?? this.store.shown.name, values, actions });
    this.store.change((state) => { Object.assign(state.scenarios[state.shown], { values: found.values, actions: found.actions }); });
  }

  // --- what changed, what is computed ---------------------------------------------------------------------------------
  changed() {
    this.began = performance.now();
    document.body.classList.add("stale");
    this.controls.shown();
    this.scenarios.shown();
    this.workshop.shown();
    this.questions.shown();
    if (!this.header.questions.some((/** @type {any} */ each) => each.id === this.store.state.question) && this.store.state.question) this.store.state.question = "";
    this.compute();
    this.repeat();
    for (const each of this.onmoved) each(this.current());
    this.soon();
  }

  compute() {
    const { state, against } = this.store;
    const wanted = [this.setting(false), this.settings.setting(against)];
    if (!this.sure) wanted.unshift(this.setting(true));
    wanted.push(this.setting(true));
    if (this.header.worlds) wanted.push(this.setting(false, true), this.settings.setting(against, true));
    if (state.all) wanted.push(...state.scenarios.map((each) => this.settings.setting(each)));
    this.drawn = new Set(wanted.map((each) => each.key));
    this.engine.want([...new Map(wanted.map((each) => [each.key, each])).values()], this.questions.trials);
  }

  /** The lines that repeat it. */
  repeat() {
    const { shown, against } = this.store, { command, file } = this.settings.line(shown);
    $("command").textContent = command;
    const { beside } = this.header.scenario, folder = beside ? ` Put it into the folder ${beside}, where the tables of the survey are.` : "";
    $("first").textContent = file ? `Save ${file} first (button below): it holds what is done from a month on.${folder}` : "";
    $("toml").textContent = `Save ${this.settings.file(shown)}`;
    const differs = this.settings.setting(shown).key !== this.settings.setting(against).key;
    $("comparison").hidden = !differs;
    $("compare-command").textContent = this.settings.comparison(against, shown);
    $("toml-against").textContent = `Save ${this.settings.file(against)}`;
  }

  // --- what is drawn --------------------------------------------------------------------------------------------------
  soon() {
    if (!this.drawing) this.drawing = requestAnimationFrame(() => { this.drawing = 0; guarded(() => this.draw()); });
  }

  draw() {
    const of = (/** @type {import("./setting.js").Scenario} */ each) => this.engine.ensembles.get(this.settings.setting(each).key);
    const { state, shown, against } = this.store, base = this.engine.ensembles.get(this.setting(true).key), now = of(shown);
    const over = (/** @type {import("./setting.js").Scenario} */ each) => (this.header.worlds ? this.engine.ensembles.get(this.settings.setting(each, true).key) : undefined);
    const worlds = { now: over(shown), against: over(against) };
    if (!this.sure) {
      const passed = base ? this.engine.passesTest(base) : null;
      if (passed === false) return stopped("This browser computes other numbers than valign does, so none are shown. Please use another browser.");
      this.sure = passed === true;
      if (!this.sure) return;
    }
    if (now?.reach) {
      $("headline").textContent = `No run begins at this level of alignment: this page reaches ${now.reach[0].toFixed(2)} to ${now.reach[1].toFixed(2)}.`;
      return;
    }
    if (!now || !now.done) return;
    document.body.classList.remove("stale");
    document.body.dataset.runs = String(now.done);
    document.body.dataset.ms = String(Math.round(performance.now() - this.began));
    const others = state.all && state.scenarios.length > 1 ? state.scenarios.map((each) => ({ name: each.name, ensemble: of(each) })) : [];
    const differs = this.settings.setting(shown).key !== this.settings.setting(against).key;
    const guess = this.workshop.expected;
    this.results.draw({ name: shown.name, ensemble: now }, differs ? { name: against.name, ensemble: of(against) } : null, worlds, others, this.marks(), guess, this.questions.question.headline);
    this.unknowns.draw(worlds.now, now);
    this.workshop.heard(now, base);
    if (this.detailed !== this.detailKey && now.done >= SETTLED) this.detail();
    const all = this.header.seeds.length;
    const other = differs ? Math.min(of(against)?.done ?? 0, worlds.now ? worlds.against?.done ?? 0 : all) : all;
    $("status").textContent = `${now.done} of ${all} runs${worlds.now ? ` by chance, ${worlds.now.done} of ${all} with what is not known` : ""}${other < all ? `; ${other} of what it is held against` : ""}.`;
  }

  /** Months that are marked in charts. */
  marks() {
    const { shown } = this.store, { settings } = this;
    const events = settings.levers.filter((each) => each.kind === "event" && settings.value(shown, each) !== null).map((each) => ({ month: Number(settings.value(shown, each)), label: each.label }));
    return [...events, ...settings.doing(shown).filter(({ done }) => done.start > 1).map(({ action, done }) => ({ month: done.start, label: action.name }))];
  }

  get detailKey() {
    return `${this.setting(false).key} ${this.settings.setting(this.store.against).key} ${this.society.run}`;
  }

  async detail() {
    const key = this.detailKey, { shown, against } = this.store, { run } = this.society;
    this.detailed = key;
    const differs = this.settings.setting(shown).key !== this.settings.setting(against).key;
    const runs = await Promise.all((differs ? [against, shown] : [shown]).map(async (each) => ({ name: each.name, found: await this.engine.one(this.settings.setting(each), run) })));
    if (key === this.detailKey) guarded(() => this.society.show(runs));
  }
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
    return stopped("This browser is too old to run the model: use Chrome or Edge from version 103, Firefox from 113 or Safari from 16.4.");
  }
  try {
    choose();
    const [code, file] = await Promise.all([unpacked($("month-wasm").textContent ?? ""), unpacked($("image").textContent ?? "")]);
    const { header, data } = opened(file, document.body.dataset.kernels ?? "");
    if (!WebAssembly.validate(code)) {
      return stopped("This browser cannot run the model (it lacks WebAssembly with 128-bit vectors): use a newer one.");
    }
    const engine = new Engine(header, data, await WebAssembly.compile(code), JSON.parse($("worker").textContent ?? ""));
    const page = new Page(header, engine, data, JSON.parse($("further").textContent ?? ""));
    Object.assign(window, { page, valign: { checksum, opened, unpacked } });
    await page.begin();
  } catch (error) {
    stopped(error instanceof Error ? error.message : String(error));
  }
}

begin();
