// Actions and levers: switches, steps, places, months, and the money they take.
import { $, html } from "./charts.js";
import { pounds, withUnit } from "./setting.js";

/** @typedef {import("./store.js").Store} Store */


/** @param {string} label @param {[string, string][]} choices @param {(value: string) => void} chosen */
export function select(label, choices, chosen) {
  const made = /** @type {HTMLSelectElement} */ (html("select", { "aria-label": label }, ...choices.map(([value, text]) => html("option", { value }, text))));
  made.onchange = () => chosen(made.value);
  return made;
}

/** Children made anew; what had the keyboard keeps it. @param {HTMLElement} place @param {HTMLElement[]} made */
function renewed(place, made) {
  const at = [...place.children].indexOf(/** @type {Element} */ (document.activeElement));
  place.replaceChildren(...made);
  if (at >= 0) made[Math.min(at, made.length - 1)]?.focus();
}

export class Controls {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.settings = store.settings;
    /** @type {(() => void)[]} */ this.updates = [];
    for (const action of this.settings.actions) $("actions").append(this.action(action));
    $("actions-head").textContent = `Actions${this.settings.actions.length ? ` (${this.settings.actions.length})` : ""}`;
    if (!this.settings.actions.length) $("actions").append(html("p", {}, "The services here were imported without their names, so actions cannot be placed in them. Use the levers below."));
    for (const lever of this.settings.levers.filter(({ kind }) => kind !== "answer")) $(lever.kind === "event" ? "events" : lever.kind === "level" ? "level" : "levers").append(this.lever(lever));
    this.budget();
  }

  shown() {
    for (const update of this.updates) update();
  }

  // --- money --------------------------------------------------------------------------------------------------------
  budget() {
    const field = /** @type {HTMLInputElement} */ ($("budget"));
    field.onchange = () => {
      const value = Number(field.value);
      if (field.value.trim() !== "" && value >= 0 && value <= 1e9) this.store.change((state) => { state.budget = value; }, "budget");
      else field.value = String(this.store.state.budget);
    };
    this.updates.push(() => {
      const [low, likely, high] = this.settings.spent(this.store.shown), left = this.store.state.budget - likely;
      if (document.activeElement !== field) field.value = String(this.store.state.budget);
      $("spent").textContent = pounds(likely);
      $("left").textContent = pounds(Math.abs(left));
      $("left-label").textContent = left < 0 ? "Over budget" : "Left";
      $("left").classList.toggle("over", left < 0);
      $("range").textContent = likely ? `Costs are estimates: between ${pounds(low)} and ${pounds(high)}.` : "";
    });
  }

  // --- actions ------------------------------------------------------------------------------------------------------
  /** @param {any} action */
  action(action) {
    const { id } = action;
    const on = /** @type {HTMLInputElement} */ (html("input", { type: "checkbox", id: `action-${id}` }));
    const first = { step: action.steps.length - 1, place: 0, start: 1 };
    on.onchange = () => this.store.act(id, on.checked ? first : null);
    const cost = html("output", { for: on.id });
    const done = () => this.store.shown.actions[id];
    const row = (/** @type {string} */ key, /** @type {number} */ value) => this.store.act(id, { ...done(), [key]: value }, `${id} ${key}`);
    const step = select(`How much: ${action.name}`, action.steps.map((/** @type {string} */ each, /** @type {number} */ n) => [String(n), each]), (value) => row("step", Number(value)));
    const place = select(`Where: ${action.name}`, action.places.map((/** @type {any} */ each, /** @type {number} */ n) => [String(n), each.name]), (value) => row("place", Number(value)));
    const start = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 1, max: action.last, step: 1, "aria-label": `First month: ${action.name}` }));
    start.oninput = () => row("start", Number(start.value));
    const month = html("output", {}), why = html("p", { class: "why" });
    const how = html("div", { class: "how-much" }, ...(action.steps.length > 1 ? [step] : []), ...(action.places.length > 1 ? [place] : []),
      html("label", {}, month, start));
    const { low, high, likely, per, source, price_year: year } = action.cost;
    const price = per === "price of the model of care" ? `${likely === 1 ? "the price of the model of care" : `${likely} times the price of the model of care`} for every service and year` : `${pounds(likely)} per ${per} at full intensity (${pounds(low)} to ${pounds(high)}, prices of ${year})`;
    const facts = html("details", {}, html("summary", { "aria-label": `About: ${action.name}` }, "?"),
      html("p", {}, action.says), html("p", {}, html("b", {}, "Why it might work. "), action.mechanism),
      html("p", {}, html("b", {}, `How well the effect is known: ${action.grade}. `), action.evidence),
      html("p", {}, html("b", {}, "Cost. "), `${price}; ${source}. ${action.paid_by === "national" ? "Paid nationally." : "Paid by commissioners."} ${action.months ? `Paid for ${action.months} month${action.months === 1 ? "" : "s"}` : "Paid to the end"}; the effect begins ${action.to_effect} month${action.to_effect === 1 ? "" : "s"} after the start.`));
    const made = html("div", { class: "lever action" }, html("div", { class: "head" }, html("label", { for: on.id }, on, ` ${action.name}`), cost), facts, why, how);
    this.updates.push(() => {
      const now = done(), blocked = now ? "" : this.settings.blocked(this.store.shown, id);
      on.checked = Boolean(now);
      on.disabled = Boolean(blocked);
      why.textContent = blocked;
      why.hidden = !blocked;
      how.hidden = !now;
      made.classList.toggle("moved", Boolean(now));
      const shown = now ?? first;
      step.value = String(shown.step); place.value = String(shown.place); start.value = String(shown.start);
      month.textContent = `from month ${shown.start}`;
      cost.textContent = pounds(this.settings.cost(action, shown, this.store.shown)[1]);
    });
    return made;
  }

  // --- levers -------------------------------------------------------------------------------------------------------
  /** @param {any} lever */
  lever(lever) {
    const slider = /** @type {HTMLInputElement} */ (html("input", {
      type: "range", min: lever.low, max: lever.high, step: lever.step, id: `lever-${lever.key}`,
      "aria-label": `${lever.label}, ${lever.unit}`, title: `${lever.meaning}, ${lever.unit}`,
    }));
    const said = html("output", { for: slider.id });
    const optional = lever.kind !== "parameter";
    const on = /** @type {HTMLInputElement} */ (html("input", { type: "checkbox", id: `on-${lever.key}` }));
    slider.oninput = () => this.store.set(lever.key, Number(slider.value));
    on.onchange = () => this.store.set(lever.key, on.checked ? lever.value ?? lever.first : null);
    const facts = [lever.meaning, lever.kind === "parameter" && lever.unit && `unit: ${lever.unit}`, lever.grade, lever.source].filter(Boolean).join("; ");
    const why = html("p", { class: "why" });
    const made = html("div", { class: "lever" },
      html("div", { class: "head" }, optional ? html("label", { for: on.id }, on, ` ${lever.label}`) : html("label", { for: slider.id }, lever.label), said), slider,
      html("details", {}, html("summary", { "aria-label": `About: ${lever.label}` }, "?"), html("p", {}, facts)), why);
    this.updates.push(() => {
      const value = this.settings.value(this.store.shown, lever), set = value !== null && value !== undefined;
      const mover = lever.kind === "parameter" ? this.settings.moverOf(this.store.shown, lever) : undefined;
      slider.value = String(set ? value : lever.first);
      slider.disabled = !set || Boolean(mover);
      on.checked = set;
      why.textContent = mover ? `“${mover.name}” moves this` : "";
      why.hidden = !mover;
      said.textContent = !set ? (lever.kind === "event" ? "never" : "as it is") : lever.kind === "event" ? `month ${value}` : withUnit(Number(value), lever.unit);
      made.classList.toggle("moved", value !== lever.value);
    });
    return made;
  }
}

/** The row of scenarios: which is shown, what it is called, what it is held against; undo and redo. */
export class Scenarios {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.name = /** @type {HTMLInputElement} */ ($("scenario-name"));
    this.name.onchange = () => store.rename(this.name.value);
    $("add").onclick = () => store.add(false);
    $("duplicate").onclick = () => store.add(true);
    $("remove").onclick = () => store.remove();
    $("undo").onclick = () => store.undo();
    $("redo").onclick = () => store.redo();
    $("reset").onclick = () => store.change(() => { store.shown.values = {}; store.shown.actions = {}; });
    const all = /** @type {HTMLInputElement} */ ($("all"));
    all.onchange = () => store.change((state) => { state.all = all.checked; });
    document.addEventListener("keydown", (event) => {
      const key = event.key.toLowerCase(), typing = /** @type {HTMLElement} */ (event.target).matches?.("input[type=text], input[type=number], textarea");
      if (!(event.ctrlKey || event.metaKey) || typing || (key !== "z" && key !== "y")) return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) store.redo(); else store.undo();
    });
  }

  shown() {
    const { store } = this, { state } = store;
    renewed($("scenarios"), state.scenarios.map((each, n) => {
      const made = html("button", { type: "button", "aria-pressed": String(n === state.shown), title: store.settings.summary(each) }, each.name);
      made.onclick = () => store.change((now) => { now.shown = n; if (now.against === n) now.against = -1; });
      return made;
    }));
    if (document.activeElement !== this.name) this.name.value = store.shown.name;
    const others = /** @type {[string, string][]} */ ([["-1", store.settings.base.name], ...state.scenarios.map((each, n) => [String(n), each.name])]);
    const against = select("Held against", others.filter(([n]) => Number(n) !== state.shown), (value) => store.change((now) => { now.against = Number(value); }));
    against.value = String(state.against);
    renewed($("against"), [against]);
    /** @type {HTMLInputElement} */ ($("all")).checked = state.all;
    $("all").closest("label")?.toggleAttribute("hidden", state.scenarios.length < 2);
    const full = state.scenarios.length >= 5;
    for (const id of ["add", "duplicate"]) { $(id).toggleAttribute("disabled", full); $(id).title = full ? "There are five scenarios: delete one first" : id === "add" ? "A new scenario, as it stands" : "A copy of this one"; }
    $("undo").toggleAttribute("disabled", !store.past.length);
    $("redo").toggleAttribute("disabled", !store.future.length);
    $("what").textContent = store.settings.summary(store.shown);
  }
}
