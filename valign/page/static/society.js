// One run in detail: services and their people month by month, and why a service started, stopped, or did not start.
import { button, html, percent } from "./charts.js";

const MONTH_MS = 220;
const IN_VAIN = 1; // of what a service asked its commissioner

/** @typedef {{name: string, found: any}} Shown */

export class SocietyView {
  /** @param {HTMLElement} place @param {any} header */
  constructor(place, header) {
    this.header = header;
    this.words = header.words;
    this.last = header.scenario.months;
    this.month = this.last;
    this.run = 0;
    /** @type {Shown[]} */ this.runs = [];
    /** @type {number | null} */ this.chosen = null;
    this.timer = 0;
    this.tiles = html("div", { class: "societies" });
    this.told = html("div", { class: "told", "aria-live": "polite" });
    this.said = html("output", {});
    this.slider = /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 0, max: this.last, value: this.month, "aria-label": "Month" }));
    this.slider.oninput = () => this.go(Number(this.slider.value));
    this.play = button("Play", () => (this.timer ? this.stop() : this.start()));
    this.another = button("Another run", () => {});
    const legend = html("p", { class: "legend" }, ...this.words.stages.map((/** @type {string} */ name) =>
      html("span", {}, html("i", { class: `dot ${name}` }), ` ${name}`)), html("span", {}, html("i", { class: "dot manager" }), " a manager is a square"));
    place.append(html("div", { class: "controls" }, this.play, button("−1 month", () => this.go(this.month - 1)), this.slider,
      button("+1 month", () => this.go(this.month + 1)), this.said, this.another), this.tiles, legend, this.told);
  }

  /** @param {number} month */
  go(month) {
    this.stop();
    this.month = Math.min(this.last, Math.max(0, month));
    this.draw();
  }

  start() {
    if (this.month >= this.last) this.month = 0;
    this.play.textContent = "Pause";
    this.timer = window.setInterval(() => {
      if (this.month >= this.last) return this.stop();
      this.month++;
      this.draw();
    }, MONTH_MS);
  }

  stop() {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.play.textContent = "Play";
  }

  /** One scenario, or two beside each other. @param {Shown[]} runs */
  show(runs) {
    this.runs = runs;
    this.draw();
  }

  draw() {
    if (!this.runs.length) return;
    this.slider.value = String(this.month);
    this.said.textContent = this.month ? `month ${this.month}` : "at the start";
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest?.(".tile"))?.dataset.tile;
    this.tiles.replaceChildren(...this.runs.map((shown, n) => this.society(shown, n)));
    if (focused) /** @type {HTMLElement | null} */ (this.tiles.querySelector(`[data-tile="${focused}"]`))?.focus();
    this.tell();
  }

  /** @param {any} found @param {number} o @param {string} name */
  place(found, o, name) {
    const services = this.header.scenario.service_names[found.job.society].length, variables = this.words.place.length;
    return found.places[(this.month * services + o) * variables + this.words.place.indexOf(name)];
  }

  /** The services of a run. @param {Shown} shown @param {number} n */
  society({ name: title, found }, n) {
    const { people, peopleShape, organisation, role, job } = found;
    const names = this.header.scenario.service_names[job.society];
    const [, N, fields] = peopleShape, stageOf = this.words.person.indexOf("stage");
    /** @type {Node[][]} */
    const dots = Array.from({ length: names.length }, () => []);
    for (let i = 0; i < N; i++) {
      const stage = this.words.stages[people[(this.month * N + i) * fields + stageOf]];
      if (organisation[i] < names.length) dots[organisation[i]].push(html("i", { class: `dot ${stage}${role[i] === 1 ? " manager" : ""}` }));
    }
    const tiles = names.map((/** @type {string} */ name, /** @type {number} */ o) => {
      const stage = this.place(found, o, "stage");
      const tile = html("button", { type: "button", class: `tile ${this.words.service_stages[stage]}`, "aria-pressed": String(this.chosen === o), "data-tile": `${n}-${o}` },
        html("b", {}, name), html("span", {}, `${this.words.service_stage_labels[stage]}, ${percent(this.place(found, o, "engaged"))} use it`),
        html("span", { class: "dots", "aria-hidden": "true" }, ...dots[o]));
      tile.onclick = () => { this.chosen = this.chosen === o ? null : o; this.draw(); };
      return html("div", { role: "listitem" }, tile);
    });
    return html("div", { class: "society" }, html("h3", {}, title), html("div", { class: "tiles", role: "list" }, ...tiles), html("p", { class: "small" }, this.roles(found)));
  }

  /** How near each role is to the innovation in this month of this run: whom there is still to convince. @param {any} found */
  roles({ people, peopleShape, role }) {
    const [, N, fields] = peopleShape, at = this.words.person.indexOf("alignment");
    const means = this.words.roles.map((/** @type {string} */ name, /** @type {number} */ code) => {
      const own = Array.from({ length: N }, (_, i) => i).filter((i) => role[i] === code).map((i) => people[(this.month * N + i) * fields + at]).filter(Number.isFinite);
      return { name, mean: own.reduce((sum, each) => sum + each, 0) / own.length };
    }).filter((/** @type {any} */ each) => Number.isFinite(each.mean));
    if (!means.length) return "";
    const last = means.reduce((/** @type {any} */ a, /** @type {any} */ b) => (b.mean < a.mean ? b : a));
    return `Alignment, 0 to 1: ${means.map((/** @type {any} */ each) => `${each.name} ${each.mean.toFixed(2)}`).join(", ")}. Furthest from it: ${last.name}.`;
  }

  tell() {
    if (this.chosen === null) {
      this.told.replaceChildren(html("p", {}, "Choose a service to read what it decided, and why it started, stopped or did not start."));
      return;
    }
    const names = this.header.scenario.service_names[this.runs[0].found.job.society];
    this.told.replaceChildren(html("h3", {}, names[this.chosen] ?? ""), ...this.runs.map(({ name, found }) => this.story(name, found, /** @type {number} */ (this.chosen))));
  }

  /** What a service decided up to the month, and how it stands. @param {string} name @param {any} found @param {number} o */
  story(name, found, o) {
    const labels = this.words.service_stage_labels, codes = this.words.service_stages;
    const items = found.decisions.filter((/** @type {any} */ each) => each.service === o && each.month <= this.month).map((/** @type {any} */ each) => {
      const why = this.reason(codes[each.from], codes[each.to], each.terms);
      return html("li", {}, html("b", {}, `Month ${each.month}: ${labels[each.from]} → ${labels[each.to]}.`), why ? ` ${why}` : "");
    });
    const stage = codes[this.place(found, o, "stage")];
    const now = this.month && (stage === "outside" || stage === "abandoned") ? [html("p", {}, this.notStarted(found, o, stage === "abandoned"))] : [];
    return html("div", {}, ...(this.runs.length > 1 ? [html("h4", {}, name)] : []),
      items.length ? html("ol", {}, ...items) : html("p", {}, `Nothing has changed here up to month ${this.month}.`), ...now);
  }

  /** @param {ArrayLike<number>} terms @param {string} name */
  term(terms, name) {
    return terms[this.words.service_terms.findIndex((/** @type {any} */ each) => each.name === name)];
  }

  /** What weighed most in whether to start, after how readily any service starts. @param {ArrayLike<number>} terms @param {boolean} up */
  weighed(terms, up) {
    const found = this.words.service_terms.map((/** @type {any} */ each, /** @type {number} */ n) => ({ ...each, value: terms[n] }))
      .filter((/** @type {any} */ each) => each.unit === "logit" && each.name !== "base" && each.name !== "burden" && (up ? each.value > 0.05 : each.value < -0.05))
      .sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 3);
    return found.map((/** @type {any} */ each) => `${each.label} (${each.value < 0 ? "−" : "+"}${Math.abs(each.value).toFixed(1)})`).join(", ");
  }

  /** @param {string} from @param {string} to @param {number[]} terms */
  reason(from, to, terms) {
    if (to === "piloting") {
      const up = this.weighed(terms, true), down = this.weighed(terms, false);
      return [up && `For it: ${up}.`, down && `Against it: ${down}.`].filter(Boolean).join(" ");
    }
    if (to === "sustained") return "Its funding ended, and it goes on with what it has.";
    if (to === "commissioned") return "Its commissioner pays from now on.";
    if (to !== "abandoned") return "";
    const share = percent(this.term(terms, "share_engaged")), risk = this.term(terms, "probability");
    const chance = `a risk of ${risk < 0.1 ? (100 * risk).toFixed(1) : Math.round(100 * risk)} % in this month`;
    if (from !== "sustained") return `A funded service may stop too: ${chance}, and it came true.`;
    return this.term(terms, "draw") < risk ? `It had no funding and the running cost weighed on it (${chance}, and it came true); ${share} of its staff and peers still used it.`
      : `It had no funding, and for too long too few of its staff and peers used it (${share} at the end).`;
  }

  /** Why a service does not use it. @param {any} found @param {number} o @param {boolean} again whether it has used it before */
  notStarted(found, o, again) {
    const count = this.words.service_terms.length, thought = found.considered[this.month - 1];
    const terms = thought.terms.subarray(o * count, (o + 1) * count), chance = this.term(terms, "probability");
    const refused = found.considered.slice(0, this.month).filter((/** @type {any} */ each) => each.asked[o] === IN_VAIN).length;
    const down = this.weighed(terms, false), up = this.weighed(terms, true);
    const first = chance > 0 ? `Its chance of wanting to start in this month is ${chance < 0.005 ? "under 1 %" : percent(chance)}: few services start anything new in a given month.` : again ? "Nobody who would decide on it now knows it: whoever did has left." : "Nobody who would decide on it has heard of it.";
    return [`Not using it in month ${this.month}. ${first}`, chance > 0 && down ? `Against it: ${down}.` : "", chance > 0 && up ? `For it: ${up}.` : "",
      refused ? `Its commissioner refused ${refused} request${refused === 1 ? "" : "s"} for a pilot so far.` : "", chance > 0 ? "Numbers are log-odds." : ""].filter(Boolean).join(" ");
  }
}
