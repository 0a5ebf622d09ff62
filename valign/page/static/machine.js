// What the machine that serves a page does for it: files, decisions, claims, studies. A page from disk holds none of this.
import { button, coded, html, scrolling } from "./charts.js";

/** @typedef {{id: string, kind: string, state: string, told: string, problems: string[], result: any, seconds: number}} Job */
/** @typedef {{scenario: string, years: number, scenarios: Choice[], claims: Choice[], actions: Choice[], outcomes: Choice[], settings: Choice[]}} Offered */
/** @typedef {{name: string, title: string}} Choice */

const GOALS = [{ name: "use", title: "people who use it" }, { name: "sustained", title: "services that keep it" }, { name: "value", title: "value to all groups" }];
const LIVING = ["waiting", "working", "held"];

/** Ask the machine. @param {string} path @param {RequestInit} [how] @returns {Promise<any>} */
async function machineSays(path, how = {}) {
  try {
    const answer = await fetch(path, { ...how, headers: { "x-valign": document.body.dataset.machine ?? "" } });
    if (answer.status === 204) return {};
    const said = await answer.json().catch(() => null);
    return said ?? { problems: [answer.status === 413 ? "This file is too large: at most 25 MB are taken." : `The machine refused this (status ${answer.status}).`] };
  } catch {
    return { problems: ["The machine does not answer: is `valign explore` still running?"] };
  }
}

/** Put a question, and be told until it is answered. @param {any} question @param {(job: Job) => void} told @returns {{stop: () => void, done: Promise<Job>}} */
export function asked(question, told) {
  let id = "", stopped = false;
  const done = (async () => {
    let job = await machineSays("/api/jobs", { method: "POST", body: JSON.stringify(question) });
    id = job.id ?? "";
    if (stopped && id) machineSays(`/api/jobs/${id}`, { method: "DELETE" });
    while (!stopped) {
      job = { kind: question.kind, state: "refused", told: "", problems: [], result: {}, ...job };
      told(job);
      if (!LIVING.includes(job.state)) break;
      job = await machineSays(`/api/jobs/${id}?wait=1`);
    }
    return job;
  })();
  return { done, stop: () => { stopped = true; if (id) machineSays(`/api/jobs/${id}`, { method: "DELETE" }); } };
}

/** @param {string[]} texts */
function sentences(texts) {
  return html("ul", {}, ...texts.map((each) => html("li", {}, ...coded(each))));
}

/** What is to be chosen from. @param {string} label @param {Choice[]} choices @param {string} [chosen] */
function choice(label, choices, chosen) {
  const select = /** @type {HTMLSelectElement} */ (html("select", {}, ...choices.map(({ name, title }) => html("option", name === chosen ? { value: name, selected: "" } : { value: name }, title))));
  return { select, label: html("label", {}, `${label} `, select) };
}

/** @param {string} label @param {Record<string, string | number>} how */
function field(label, how) {
  const input = /** @type {HTMLInputElement} */ (html("input", how));
  return { input, label: html("label", {}, `${label} `, input) };
}

class Machine {
  /** @param {HTMLElement} place @param {Offered} offered */
  constructor(place, offered) {
    this.offered = offered;
    this.listening = false;
    /** @type {{place: HTMLElement, key: string}[]} */
    this.results = [];
    this.answers = html("div", { id: "answers" });
    this.more = /** @type {HTMLTextAreaElement} */ (html("textarea", { rows: 3, spellcheck: "false", placeholder: "slack = 0.2\nmechanisms.dialogue = false\nmonths = 48" }));
    this.more.oninput = () => this.moved();
    const local = /^(127\.|localhost|\[::1\])/.test(location.host);
    place.append(
      html("h2", {}, "More, on this machine"),
      html("p", { class: "how" }, `What follows takes Python and is computed by ${local ? "this machine" : location.host}, in the setting that the page shows. Files that you choose are read by it and by nobody else; nothing leaves it.`),
      this.scenarios(), this.questions(), this.files(), this.setting(), this.answers);
    place.hidden = false;
  }

  /** Levers as they stand, and what is typed below. */
  current() {
    const page = /** @type {any} */ (window).page;
    if (page && !this.listening) {
      this.listening = true;
      page.onmoved?.push(() => this.moved());
    }
    const { set = {}, changes = [] } = page?.current?.() ?? {};
    return { set, changes, more: this.more.value };
  }

  scenarios() {
    const { scenario, scenarios } = this.offered;
    const all = scenarios.some(({ name }) => name === scenario) ? scenarios : [{ name: scenario, title: "yours" }, ...scenarios];
    const { select, label } = choice("Scenario", all, scenario);
    select.onchange = () => { location.href = `/?scenario=${encodeURIComponent(select.value)}`; };
    return html("p", {}, label);
  }

  questions() {
    const budget = field("£", { type: "number", min: 1000, step: 1000, value: 300000 }), years = field("counted over years", { type: "number", min: 1, max: 20, value: this.offered.years });
    const goal = choice("to gain", GOALS), claim = choice("Claim", this.offered.claims), outcome = choice("for", this.offered.outcomes, "uptake_final");
    const here = /** @type {HTMLInputElement} */ (html("input", { type: "checkbox", checked: "" }));
    const factors = field("settings (empty: the main ones)", { type: "text", list: "machine-settings", placeholder: "fit_effect, talk" });
    const names = () => factors.input.value.split(/[\s,]+/).filter(Boolean);
    const known = html("datalist", { id: "machine-settings" }, ...this.offered.settings.map(({ name, title }) => html("option", { value: name }, title)));
    return html("div", { class: "asking" }, known,
      html("p", {}, html("b", {}, "What to do with a budget: "), budget.label, " ", goal.label, " ", years.label, " ",
        button("Decide", () => this.ask("decide", `What to do with £${Number(budget.input.value).toLocaleString("en-GB")}`, { budget: Number(budget.input.value), goal: goal.select.value, years: Number(years.input.value) }))),
      html("p", {}, html("b", {}, "What matters most "), outcome.label, " ", factors.label, " ",
        button("Find out", () => this.ask("sensitivity", "What matters most", { outcome: outcome.select.value, factors: names() }))),
      html("p", {}, html("b", {}, "Test a claim: "), claim.label, " ", html("label", {}, here, " in this setting"), " ",
        button("Test", () => this.ask("claim", claim.select.selectedOptions[0].textContent ?? "", { claim: claim.select.value, here: here.checked }))),
      html("p", {},
        button("Why did alignment move?", () => this.ask("why", "Why alignment moved", {})), " ",
        button("At several levels of alignment", () => this.ask("levels", "At several levels of alignment", {})), " ",
        button("Against the scenario as it stands", () => this.ask("compare", "Against the scenario as it stands", {})), " ",
        button("Full report", () => this.ask("run", "Full report", {}))));
  }

  files() {
    const chooser = (/** @type {string} */ label, /** @type {string} */ accept) => field(label, { type: "file", accept });
    const tables = ".xlsx,.csv,.tsv,.txt";
    const before = chooser("Questionnaire", ".xlsx,.csv,.tsv,.txt"), after = chooser("a later one (optional)", ".xlsx,.csv,.tsv,.txt");
    const toml = chooser("Scenario", ".toml");
    const people = chooser("Table of people", tables), ties = chooser("who talks to whom", tables), codebook = chooser("codebook (optional)", ".toml");
    /** @param {Record<string, {input: HTMLInputElement}>} from */
    const sent = async (from) => {
      /** @type {Record<string, string>} */
      const files = {};
      for (const [kind, { input }] of Object.entries(from)) {
        const file = input.files?.[0];
        if (!file) continue;
        const kept = await machineSays(`/api/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
        if (kept.problems) return kept;
        files[kind] = kept.id;
      }
      return { files };
    };
    const stand = () => {
      const files = sent({ before, after });
      this.ask("diagnose", "Where we stand", {}, files);
      if (before.input.files?.length) this.ask("read", "Your services", {}, files.then((found) => (found.problems ? found : { files: { survey: found.files.after ?? found.files.before } })));
    };
    const read = (/** @type {string} */ title, /** @type {Record<string, {input: HTMLInputElement}>} */ from) => this.ask("read", title, {}, sent(from));
    return html("details", { id: "own-data" }, html("summary", {}, "Your own data: a questionnaire, a scenario, a survey with its network"),
      html("p", {}, before.label, " ", after.label, " ",
        button("Where do we stand?", stand)),
      html("p", {}, toml.label, " ", button("Use the scenario", () => read("The scenario", { scenario: toml }))),
      html("p", {}, people.label, " ", ties.label, " ", codebook.label, " ", button("Use the tables", () => read("The tables", { people, ties, codebook }))),
      html("p", { class: "how" }, ".xlsx, or .csv with commas, semicolons or tabs; answers as numbers, words of the scale or percentages."));
  }

  setting() {
    const label = html("label", {}, "A setting in each line, as NAME = VALUE; scheduled changes after them, each under [[changes]] as in a scenario's file. They go on top of the levers.", this.more);
    return html("details", {}, html("summary", {}, "Any other setting: a parameter, of one group of services too, a mechanism, months, changes"), label);
  }

  /** @param {string} kind @param {string} title @param {any} extra @param {Promise<any>} [files] */
  async ask(kind, title, extra, files) {
    const at = this.current(), status = html("p", { role: "status" }, "Sent …"), body = html("div", {});
    const note = html("p", { class: "since" }, "The setting has been changed since.");
    const place = html("article", { "aria-label": title }, html("h3", {}, title), note, status, body);
    this.answers.prepend(place);
    this.results.push({ place, key: JSON.stringify(at) });
    const sent = files ? await files : {};
    if (sent.problems) return status.replaceChildren(sentences(sent.problems));
    const asking = asked({ kind, scenario: this.offered.scenario, ...at, ...extra, ...sent }, (job) => {
      const { state, told, seconds, problems } = job;
      if (LIVING.includes(state)) status.firstChild?.replaceWith(state === "waiting" ? "Waiting for its turn …" : `${state === "held" ? "Others have their turn" : "Working"}, ${Math.round(seconds)} s ${told === "begun" ? "" : told}`);
      else if (state === "done") { status.replaceChildren(`Done in ${Math.round(seconds)} s.`); body.replaceChildren(this.answer(job, Boolean(sent.files?.survey))); if (sent.files?.survey) this.wasRead(job); }
      else status.replaceChildren(problems.length ? sentences(problems) : "Stopped.");
    });
    status.append(" ", button("Stop", () => { asking.stop(); status.replaceChildren("Stopped."); }));
  }

  /** What came of a question. @param {Job} job @param {boolean} [survey] of a questionnaire that was read */
  answer({ id, kind, result }, survey = false) {
    if (kind === "read") return html("div", {}, sentences(result.said), html("p", {}, survey ? this.own(id, result) : html("a", { href: `/?scenario=${encodeURIComponent(id)}` }, `Open its page: ${result.title}`)));
    const at = `/api/jobs/${id}`;
    const figures = result.figures.slice(0, 3).map((/** @type {any} */ each) => html("figure", {}, html("figcaption", {}, each.heading), html("img", { src: `${at}/${each.name}.svg`, alt: each.alt, loading: "lazy" })));
    const tables = result.tables.map((/** @type {any} */ each) => html("details", {}, html("summary", {}, each.heading), scrolling(each.heading, each.columns.map(coded), each.rows.map((/** @type {string[]} */ row) => row.map(coded)))));
    const [first, ...rest] = result.findings;
    return html("div", {}, html("p", { class: "finding" }, ...coded(first ?? result.question)), sentences(rest.slice(0, 5)), ...figures, ...tables,
      html("details", {}, html("summary", {}, "How sure this is, and what not to conclude"), sentences([...result.certainty, ...result.cautions])),
      html("p", {}, html("a", { href: `${at}/report.html`, target: "_blank", rel: "noopener" }, "Full report"), " · ", html("a", { href: `${at}/results.zip` }, "Report, figures and tables (.zip)"), " · repeat it: ", html("code", {}, result.command)));
  }

  /** A questionnaire was read: its services have a page of their own. @param {Job} job */
  wasRead({ id, result }) {
    const note = document.getElementById("own-page") ?? html("p", { id: "own-page" });
    note.replaceChildren("This page shows typical people. Your questionnaire’s own: ", this.own(id, result), " (in a new tab; every other question can be asked there too).");
    document.getElementById("results")?.prepend(note);
  }

  /** The way to the page of a questionnaire's services, which asks at once whether they are ready. @param {string} id @param {any} result */
  own(id, result) {
    return html("a", { href: `/?scenario=${encodeURIComponent(id)}&ask=ready`, target: "_blank" }, `${result.title}: are they ready?`);
  }

  /** Say which answers are about another setting. */
  moved() {
    const key = JSON.stringify(this.current());
    for (const each of this.results) each.place.classList.toggle("earlier", each.key !== key);
  }
}

if (document.body.dataset.machine) {
  const place = document.getElementById("machine"), offered = document.getElementById("offered");
  if (place && offered) new Machine(place, JSON.parse(offered.textContent ?? ""));
}
