// The front door: five questions, and which of them is asked.
import { $, html } from "./charts.js";
import { pounds } from "./setting.js";
import { Trials } from "./trials.js";

export class Questions extends Trials {
  /** @param {any} page */
  constructor(page) {
    super(page);
    const goal = /** @type {HTMLSelectElement} */ ($("goal"));
    goal.append(...this.header.goals.map((/** @type {any} */ each) => html("option", { value: each.name }, each.says)));
    goal.onchange = () => { this.goal = this.header.goals.find((/** @type {any} */ each) => each.name === goal.value); this.clear(); };
    $("try").onclick = () => this.start();
    $("stop").onclick = () => this.cancel();
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
    for (const name of ["events", "level"]) $(`show-${name}`).hidden = !question.show.includes(name);
    const more = /** @type {HTMLDetailsElement} */ ($("show-levers"));
    if (more.dataset.of !== question.id) { more.open = question.show.includes("levers"); more.dataset.of = question.id; this.clear(); }
    $("show-goal").hidden = !question.show.includes("goal");
    $("try").hidden = !question.trial;
    $("try").textContent = this.filled(question.button);
    if (this.made && this.made !== this.circumstances) $("progress").textContent = "Found before your last change: try again for what is set now.";
    $("trial").hidden = !question.trial && !question.beyond.length;
  }

  // --- trials -------------------------------------------------------------------------------------------------------
  clear() {
    this.cancel();
    this.made = "";
    $("found").replaceChildren();
    $("progress").textContent = "";
  }

  async start() {
    const { trial } = this.question;
    this.cancel();
    $("stop").hidden = false;
    $("try").toggleAttribute("disabled", true);
    $("found").replaceChildren();
    this.made = this.circumstances;
    delete document.body.dataset.tried;
    try {
      await this.tried(trial, (made) => $("found").replaceChildren(...made));
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
}

/** Text with what stands in backquotes as code. @param {string} text @returns {(Node | string)[]} */
function coded(text) {
  return text.split("`").map((each, n) => (n % 2 ? html("code", {}, each) : each));
}
