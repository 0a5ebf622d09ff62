// One run in detail: services and their people month by month, and the terms of the decisions that services took.
import { html, percent } from "./charts.js";

const MONTH_MS = 220;

export class SocietyView {
  /** @param {HTMLElement} place @param {any} header */
  constructor(place, header) {
    this.header = header;
    this.words = header.words;
    this.month = header.scenario.months;
    this.run = 0;
    /** @type {any} */ this.found = null;
    /** @type {number | null} */ this.chosen = null;
    this.timer = 0;
    this.tiles = html("div", { class: "tiles", role: "list" });
    this.told = html("div", { class: "told", "aria-live": "polite" });
    this.said = html("output", {});
    this.slider = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 0, max: header.scenario.months, value: this.month, "aria-label": "Month" }));
    this.slider.oninput = () => { this.stop(); this.month = Number(this.slider.value); this.draw(); };
    this.play = html("button", { type: "button" }, "Play");
    this.play.onclick = () => (this.timer ? this.stop() : this.start());
    this.another = html("button", { type: "button" }, "Another run");
    const legend = html("p", { class: "legend" }, ...this.words.stages.map((/** @type {string} */ name) =>
      html("span", {}, html("i", { class: `dot ${name}` }), ` ${name}`)));
    place.append(html("div", { class: "controls" }, this.play, this.slider, this.said, this.another), this.tiles, legend, this.told);
  }

  start() {
    if (this.month >= this.header.scenario.months) this.month = 0;
    this.play.textContent = "Pause";
    this.timer = window.setInterval(() => {
      if (this.month >= this.header.scenario.months) return this.stop();
      this.month++;
      this.draw();
    }, MONTH_MS);
  }

  stop() {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.play.textContent = "Play";
  }

  /** @param {any} found */
  show(found) {
    this.found = found;
    this.draw();
  }

  draw() {
    if (!this.found) return;
    const { places, people, peopleShape, organisation, role, job } = this.found;
    const names = this.header.scenario.service_names[job.society];
    const [, N, fields] = peopleShape, services = names.length, variables = this.words.place.length;
    const stageOf = this.words.person.indexOf("stage"), t = this.month;
    const place = (/** @type {number} */ o, /** @type {string} */ name) => places[(t * services + o) * variables + this.words.place.indexOf(name)];
    this.slider.value = String(t);
    this.said.textContent = t ? `month ${t}` : "at the start";
    /** @type {Node[][]} */
    const dots = Array.from({ length: services }, () => []);
    for (let i = 0; i < N; i++) {
      const stage = this.words.stages[people[(t * N + i) * fields + stageOf]];
      if (organisation[i] < services) dots[organisation[i]].push(html("i", { class: `dot ${stage}${role[i] === 1 ? " manager" : ""}` }));
    }
    this.tiles.replaceChildren(...names.map((/** @type {string} */ name, /** @type {number} */ o) => {
      const stage = place(o, "stage");
      const tile = html("button", { type: "button", class: `tile ${this.words.service_stages[stage]}`, "aria-pressed": String(this.chosen === o) },
        html("b", {}, name), html("span", {}, `${this.words.service_stage_labels[stage]}, ${percent(place(o, "engaged"))} use it`),
        html("span", { class: "dots", "aria-hidden": "true" }, ...dots[o]));
      tile.onclick = () => { this.chosen = this.chosen === o ? null : o; this.draw(); };
      return html("div", { role: "listitem" }, tile);
    }));
    this.tell(names);
  }

  /** What the chosen service decided so far, and what weighed most. @param {string[]} names */
  tell(names) {
    if (this.chosen === null) {
      this.told.replaceChildren(html("p", {}, "Choose a service to read what it decided and why. Managers are squares."));
      return;
    }
    const decided = this.found.decisions.filter((/** @type {any} */ each) => each.service === this.chosen && each.month <= this.month);
    const labels = this.words.service_stage_labels;
    const items = decided.map((/** @type {any} */ each) => {
      const terms = each.terms.map((/** @type {number} */ value, /** @type {number} */ n) => ({ value, ...this.words.service_terms[n] }))
        .filter((/** @type {any} */ term) => term.unit === "logit" && Math.abs(term.value) > 0.05)
        .sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 4);
      const why = terms.map((/** @type {any} */ term) => `${term.label} ${term.value < 0 ? "−" : "+"}${Math.abs(term.value).toFixed(1)}`).join(", ");
      return html("li", {}, html("b", {}, `Month ${each.month}: ${labels[each.from]} → ${labels[each.to]}`), why ? ` (what weighed most, in log-odds: ${why})` : "");
    });
    this.told.replaceChildren(html("h3", {}, names[/** @type {number} */ (this.chosen)]),
      items.length ? html("ol", {}, ...items) : html("p", {}, `Nothing has changed here up to month ${this.month}.`));
  }
}
