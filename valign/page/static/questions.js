// The front door: five questions, and which of them is asked.
import { $, button, coded, html } from "./charts.js";
import { pounds } from "./setting.js";
import { Trials } from "./trials.js";
import { save } from "./workshop.js";

const MOST_KEPT = 24; // results of trials

export class Questions extends Trials {
  /** @param {any} page */
  constructor(page) {
    super(page);
    const goal = /** @type {HTMLSelectElement} */ ($("goal"));
    goal.append(...this.header.goals.map((/** @type {any} */ each) => html("option", { value: each.name }, each.says)));
    goal.onchange = () => { this.goal = this.header.goals.find((/** @type {any} */ each) => each.name === goal.value); this.cancel(); this.result(); };
    $("try").onclick = () => this.start();
    $("stop").onclick = () => this.cancel();
    /** Results by what they were found with; by the name of a trial, its last. @type {Map<string, {nodes: Node[], key: string}>} */ this.kept = new Map();
    /** The trial that is running. @type {string} */ this.asked = "";
    /** @type {Node[] | undefined} */ this.showing = undefined;
    this.door();
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
    const form = this.page.further.questionnaire;
    if (question.id === "ready" && form) $("beyond").append(button("Save the questionnaire, to read or print", () => save("questionnaire.html", form)));
    if (question.id === "ready" && document.body.dataset.machine) $("beyond").prepend(button("Choose the filled-in questionnaire", () => { const own = /** @type {HTMLDetailsElement} */ ($("own-data")); own.open = true; own.scrollIntoView(); own.querySelector("input")?.click(); }));
    for (const name of ["events", "level"]) $(`show-${name}`).hidden = !question.show.includes(name);
    const more = /** @type {HTMLDetailsElement} */ ($("show-levers"));
    if (more.dataset.of !== question.id) { more.open = question.show.includes("levers"); more.dataset.of = question.id; this.cancel(); }
    $("money").classList.toggle("asked", question.show.includes("budget"));
    this.still(question);
    $("show-answers").hidden = !question.show.includes("answers") || !this.page.answers.fields.length;
    this.page.answers.shown();
    $("show-goal").hidden = !question.show.includes("goal");
    $("try").hidden = !question.trial;
    $("try").textContent = this.filled(question.button);
    if (!this.asked) this.result();
    $("trial").hidden = !question.trial && !question.beyond.length;
  }

  // --- trials -------------------------------------------------------------------------------------------------------
  /** What was found for this question: with what is set now, else with what was set last, and that is said. */
  result() {
    const { trial } = this.question, key = this.circumstances, found = this.kept.get(key) ?? this.kept.get(trial), earlier = Boolean(found && found.key !== key);
    this.showing = found?.nodes;
    $("found").replaceChildren(...(found?.nodes ?? []));
    $("found").classList.toggle("earlier", earlier);
    $("progress").textContent = earlier ? "Found before your last change: try again for what is set now." : "";
  }

  stays() {
    if (this.showing) this.keep(this.circumstances, this.showing);
  }

  /** @param {string} key @param {Node[]} nodes */
  keep(key, nodes) {
    this.kept.delete(key);
    for (const each of [key, JSON.parse(key)[0]]) this.kept.set(each, { nodes, key });
    const old = [...this.kept.keys()].filter((each) => each.startsWith("[")).slice(0, -MOST_KEPT);
    for (const each of old) this.kept.delete(each);
  }

  /** What is on though this question does not show its controls. @param {any} question */
  still(question) {
    const { shown } = this.store, place = { event: "events", level: "level", parameter: "levers", answer: "answers" };
    const on = this.settings.moved(shown).filter((/** @type {any} */ each) => !question.show.includes(/** @type {any} */ (place)[each.kind]));
    const held = this.settings.moved(shown).some((/** @type {any} */ each) => each.change?.parameter === "funding") ? this.settings.held(shown) : "";
    $("still").replaceChildren(...(on.length ? [`Still on: ${this.settings.saidOfAll(shown, on).join("; ")}. `] : []));
    if (on.length) {
      $("still").append(button("Switch off", () => this.store.change((/** @type {any} */ state) => { for (const each of on) delete state.scenarios[state.shown].values[each.key]; })));
    }
    $("still").append(held);
    $("still").hidden = !on.length && !held;
  }

  async start() {
    const { trial } = this.question, title = $("question").textContent ?? "", what = this.settings.summary(this.store.shown), key = this.circumstances;
    /** @type {Node[]} */ let nodes = [];
    this.cancel();
    this.asked = trial;
    this.showing = undefined;
    $("stop").hidden = false;
    $("try").toggleAttribute("disabled", true);
    $("found").replaceChildren();
    $("found").classList.remove("earlier");
    delete document.body.dataset.tried;
    try {
      await this.tried(trial, (made) => { nodes = made; $("found").replaceChildren(...made); });
      this.keep(key, nodes);
      this.page.workshop.answered(title, what, nodes[0]?.textContent ?? "");
      this.asked = "";
      this.result();
      document.body.dataset.tried = trial;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "stopped") throw error;
      if (this.question.trial === trial) $("progress").textContent = "Stopped.";
      else this.result();
    } finally {
      this.asked = "";
      this.held = [];
      $("stop").hidden = true;
      $("try").toggleAttribute("disabled", false);
      this.page.compute();
    }
  }
}
