// The page of a scenario that is too large for a browser: its levers here, its bands from the machine that serves it.
import { curves, html, percent, quantile, written } from "./charts.js";
import { asked } from "./machine.js";

const SOON = 150; // ms in which a lever may move on before the machine is asked

class Light {
  /** @param {{levers: any[], innovation: string}} header */
  constructor(header) {
    this.header = header;
    /** @type {Map<string, number | null>} */
    this.values = new Map(header.levers.map((each) => [each.key, each.value]));
    /** @type {(() => void)[]} */
    this.onmoved = [];
    this.stop = () => {};
    this.timer = 0;
    /** @type {any} */
    this.base = null;
    this.place("levers").append(...header.levers.map((each) => this.lever(each)));
    this.place("reset").onclick = () => { header.levers.forEach((each) => this.values.set(each.key, each.value)); this.shown(); this.changed(); };
    this.shown();
    this.compute();
  }

  /** @param {string} id */
  place(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }

  /** What is set, as the page of a smaller scenario says it. */
  current() {
    const moved = this.header.levers.filter((each) => this.values.get(each.key) !== each.value);
    return { set: Object.fromEntries(moved.map((each) => [each.key, this.values.get(each.key) ?? "natural"])), changes: [] };
  }

  /** @param {any} lever */
  lever(lever) {
    const slider = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: lever.low, max: lever.high, step: lever.step, id: `lever-${lever.key}`, "aria-label": `${lever.label}, ${lever.unit}` }));
    const on = /** @type {HTMLInputElement} */ (html("input", { type: "checkbox", "aria-label": lever.label }));
    const said = html("output", {});
    slider.oninput = () => { this.values.set(lever.key, Number(slider.value)); this.shown(); this.changed(); };
    on.onchange = () => { this.values.set(lever.key, on.checked ? lever.value ?? lever.first : null); this.shown(); this.changed(); };
    const optional = lever.kind === "level";
    lever.row = html("div", { class: "lever", title: lever.meaning }, html("div", { class: "head" }, optional ? html("label", {}, on, ` ${lever.label}`) : html("label", { for: slider.id }, lever.label), said), slider);
    Object.assign(lever, { slider, on, said });
    return lever.row;
  }

  shown() {
    for (const { key, slider, on, said, value, first, row } of this.header.levers) {
      const now = this.values.get(key), set = now !== null && now !== undefined;
      slider.value = String(set ? now : first);
      slider.disabled = !set;
      on.checked = set;
      said.textContent = set ? String(Number(Number(now).toPrecision(4))) : "as it is";
      row.classList.toggle("moved", now !== value);
    }
  }

  changed() {
    document.body.classList.add("stale");
    for (const each of this.onmoved) each();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.compute(), SOON);
  }

  /** Ask for the bands of this setting; those that were asked for before are not wanted any more. */
  compute() {
    this.stop();
    const { set } = this.current(), asIs = !Object.keys(set).length, began = performance.now();
    const scenario = JSON.parse(this.place("offered").textContent ?? "{}").scenario;
    this.place("status").textContent = "The machine is computing …";
    this.stop = asked({ kind: "bands", scenario, set }, ({ problems, result, state, told }) => {
      if (problems.length) {
        this.place("headline").textContent = problems.join(" ");
        this.place("status").textContent = "Nothing was computed.";
      } else if (result.curves) {
        if (asIs) this.base = result;
        if (document.body.classList.contains("stale")) document.body.dataset.ms = String(Math.round(performance.now() - began));
        document.body.dataset.runs = String(result.done);
        this.draw(result, asIs);
      } else {
        this.place("status").textContent = state === "waiting" ? "Waiting for its turn …" : told === "begun" ? "The machine is computing …" : told;
      }
    }).stop;
  }

  /** @param {any} now @param {boolean} asIs */
  draw(now, asIs) {
    document.body.classList.remove("stale");
    const style = getComputedStyle(document.documentElement), colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    for (const [name, title] of [["uptake", "People who use it, of all staff, managers and peers"], ["in_use", "Services that use it"]]) {
      const lines = [{ label: asIs ? "middle run" : "your setting", colour: colour("--main"), dash: "", summary: now.curves[name], band: "chance: 9 in 10 runs", pale: false }];
      if (!asIs && this.base) lines.unshift({ label: "as it stands", colour: colour("--muted"), dash: "6 4", summary: this.base.curves[name], band: "", pale: true });
      this.place(name === "uptake" ? "uptake" : "spread").replaceChildren(curves(title, lines, { months: now.months, marks: [], narrow: window.innerWidth < 700 }));
    }
    const whole = now.shown === now.months, shown = now.shown === 12 ? "year" : `${now.shown / 12} years`;
    this.place("status").textContent = whole ? `${now.done} of ${now.of} runs` : `The first ${shown} of ${now.done} runs; the other years, and more runs, are being computed.`;
    this.place("command").textContent = now.command;
    if (!whole) {
      this.place("headline").textContent = `After ${shown === "year" ? "one year" : shown}, ${percent(now.curves.uptake.median[now.shown])} of people use ${this.header.innovation} in the middle of ${now.done} runs. What comes after is being computed.`;
      return;
    }
    const sorted = (/** @type {string} */ name) => now.cards.find((/** @type {any} */ each) => each.name === name).values.filter(Number.isFinite);
    const use = sorted("uptake_final"), years = now.months % 12 ? `${now.months} months` : `${now.months / 12} years`;
    this.place("headline").textContent = `After ${years}, ${percent(quantile(use, 0.5))} of people use ${this.header.innovation} in the middle of ${now.done} runs; they range from ${percent(use[0])} to ${percent(use[use.length - 1])}.`;
    this.place("cards").replaceChildren(...now.cards.map((/** @type {any} */ each) => {
      const values = each.values.filter(Number.isFinite);
      const range = values.length ? `${written(values[0], each.kind)} to ${written(values[values.length - 1], each.kind)} in ${values.length} runs` : "in no run";
      return html("div", { class: "card", title: each.meaning }, html("span", {}, each.label[0].toUpperCase() + each.label.slice(1)), html("b", {}, written(quantile(values, 0.5), each.kind)), html("small", {}, range));
    }));
  }
}

Object.assign(window, { page: new Light(JSON.parse(document.getElementById("light")?.textContent ?? "")) });
