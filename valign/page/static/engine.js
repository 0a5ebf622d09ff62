// The pool of workers, and what has been computed so far. A setting of the levers is an ensemble with a key; its runs have
// the same seeds as those of every other setting, so that differences between settings are differences within pairs.

/**
 * @typedef {{key: string, writes: [string, number[], number, number?][], worlds: boolean}} Setting
 * @typedef {{setting: Setting, from: number, to: number}} Trial  runs that are looked at beside what is shown
 * @typedef {{setting: Setting, outcomes: (Float64Array | undefined)[], path: (Float64Array | undefined)[], done: number,
 *   reach: [number, number] | null, parts: (Float64Array | undefined)[]}} Ensemble
 */

export const FORMAT = 3;
const AWAITED = 64; // runs that whoever moved something waits for
const PARTS = 16; // runs of which it is told what moved alignment
const WIDTH = 8, ALONE = 2; // runs in a block: kernels take eight at a time, and single ones cost as much as three or four of eight
const PAUSE = 250; // ms between two drawings of what is only refined
// What is computed first: what was just set, in eight runs of each society; the same to 64 runs; then what is looked at beside it
const RANK = { first: 0, settled: 1, one: 2, parts: 3, worlds: 4, trials: 5, refined: 6, worldsRefined: 7 };
const KEPT = 40;
const MAGIC = "VALIGN\u0000\u0001", HEADER = 16;
const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let k = 0; k < 8; k++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32. @param {Uint8Array} bytes */
export function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Bytes of text that is gzip and base64. @param {string} text @returns {Promise<ArrayBuffer>} */
export async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), (each) => each.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** The header of a file and its arrays; throws a sentence where it is none of ours. @param {ArrayBuffer} file @param {string} kernels */
export function opened(file, kernels) {
  const bytes = new Uint8Array(file);
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  if (bytes.length < 16 || magic !== MAGIC) throw new Error("This page does not hold a scenario that it can read.");
  const length = new DataView(file).getUint32(8, true);
  if (HEADER + length > bytes.length) throw new Error("The scenario in this page is incomplete.");
  if (checksum(bytes.subarray(HEADER)) !== new DataView(file).getUint32(12, true)) throw new Error("The scenario in this page is damaged.");
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEADER, HEADER + length)));
  } catch {
    throw new Error("The scenario in this page is damaged.");
  }
  if (header?.format !== FORMAT || header?.kernels !== kernels) {
    throw new Error("The scenario in this page was made for another version of the model: make the page again.");
  }
  const data = file.slice(HEADER + length);
  let sound = false;
  try {
    sound = isSound(header, data.byteLength);
  } catch {
    // what is not there cannot be looked at: not sound
  }
  if (!sound) throw new Error("The scenario in this page is damaged.");
  return { header, data };
}

/** Whether all arrays that a header names lie in the file, and it asks for no more than a page needs. @param {any} header @param {number} size */
function isSound(header, size) {
  const whole = (/** @type {any} */ n, /** @type {number} */ most) => Number.isInteger(n) && n >= 0 && n <= most;
  const { scenario, societies, levers, seeds, steps, words } = header;
  if (!Array.isArray(societies) || !societies.length || societies.length > 8 || !Array.isArray(levers) || !Array.isArray(seeds)) return false;
  if (!whole(scenario?.months, 1200) || scenario.months < 1 || seeds.length < 8 || seeds.length > 4096) return false;
  if (!seeds.every((/** @type {any} */ each) => typeof each === "string" && /^\d{1,20}$/.test(each))) return false;
  if (!["start", "month", "month_parts", "end"].every((name) => Array.isArray(steps?.[name]) && steps[name].length <= 500 &&
    steps[name].every((/** @type {any} */ each) => Array.isArray(each) && whole(each[0], 500) && Number.isInteger(each[1])))) return false;
  const text = (/** @type {any} */ each) => typeof each === "string" && each.length < 2000;
  const named = (/** @type {any} */ list) => Array.isArray(list) && list.length < 1000 && list.every((each) => text(each?.name) && text(each.label));
  if (![words?.outcomes, words?.path, words?.service_terms].every(named)) return false;
  if (!["person", "place", "stages", "service_stages", "service_stage_labels", "entries", "balances"].every((name) =>
    Array.isArray(words[name]) && words[name].every(text))) return false;
  if (!text(scenario.name) || !text(scenario.innovation) || !text(scenario.repeat) || !expects(header.expected, seeds.length)) return false;
  for (const society of societies) {
    for (const field of Object.values(society?.modes ?? {}).flat()) {
      const { name, kind, word, a, b, at, bytes } = /** @type {any} */ (field);
      if (typeof name !== "string" || !/^[fiu][1248]:\d$/.test(kind) || !whole(word, 1e5) || a?.length !== b?.length) return false;
      if (!a.every((/** @type {any} */ each, /** @type {number} */ n) => whole(each + 64 * b[n], 2 ** 31) && whole(each + b[n], 2 ** 31))) return false;
      if (at !== undefined && !(whole(at, size) && whole(bytes, size - at) && at % 8 === 0)) return false;
    }
    if (!society?.modes?.bands?.some((/** @type {any} */ each) => each.name === "parameters")) return false;
  }
  for (const lever of levers) {
    if (![lever?.key, lever?.label, lever?.kind, lever?.unit].every(text) || !Array.isArray(lever.writes) || ![lever.low, lever.high, lever.step].every(Number.isFinite)) return false;
  }
  return isSoundBeside(header, size, text, whole);
}

/** Whether it is said which runs have which hash. @param {any} expected @param {number} seeds */
function expects(expected, seeds) {
  const { runs, hash } = expected ?? {};
  return typeof hash === "string" && Array.isArray(runs) && runs.length > 0 && runs.length < 64 && runs.every((each) => Number.isInteger(each) && each >= 0 && each < seeds);
}

/** Actions, questions and words beside them. @param {any} header @param {number} size @param {(each: any) => boolean} text @param {(n: any, most: number) => boolean} whole */
function isSoundBeside({ actions, changes, questions, opening, goals, cards, budget, scenario, words }, size, text, whole) {
  const list = (/** @type {any} */ each, /** @type {number} */ most) => Array.isArray(each) && each.length <= most;
  if (!list(actions, 200) || !list(changes, 5000) || !list(questions, 20) || !list(opening, 10) || !list(goals, 10) || !list(cards, 20) || !whole(budget, 1e9)) return false;
  if (!opening.every(text) || !text(scenario.toml?.slice(0, 1000)) || !whole(scenario.services, 1e5) || !whole(scenario.people, 1e6) || !text(scenario.beside)) return false;
  if (!changes.every((/** @type {any} */ each) => text(each?.parameter) && list(each.services, 1e5) && each.services.every(text))) return false;
  if (!cards.every((/** @type {any} */ each) => text(each?.label) && words.outcomes.some((/** @type {any} */ other) => other.name === each.name))) return false;
  if (!goals.every((/** @type {any} */ each) => [each?.name, each.outcome, each.says].every(text) && Number.isFinite(each.least))) return false;
  if (!questions.every((/** @type {any} */ each) => [each?.id, each.tab, each.name, each.says, each.headline, each.trial, each.button].every(text) &&
    list(each.show, 10) && each.show.every(text) && list(each.beyond, 5) && each.beyond.every(text))) return false;
  return actions.every((/** @type {any} */ each) => {
    const { low, likely, high, per, source } = each?.cost ?? {}, steps = each?.steps, places = each?.places;
    if (![each?.id, each.name, each.says, each.mechanism, each.evidence, each.grade, per, source].every(text) || ![low, likely, high].every(Number.isFinite)) return false;
    if (!list(steps, 5) || !steps.length || !steps.every(text) || !list(places, 50) || !places.length || !places.every((/** @type {any} */ place) => text(place?.name))) return false;
    if (!list(each.beside, 200) || !list(each.moves, 50) || !whole(each.last, scenario.months) || each.last < 1 || !whole(each.months, 1200)) return false;
    return [each.changes, each.pounds].every((table) => list(table, 5) && table.length === steps.length && table.every((/** @type {any} */ row) => list(row, 50) && row.length === places.length)) &&
      each.pounds.flat().every((/** @type {any} */ rates) => list(rates, 3) && rates.every(Number.isFinite)) &&
      each.changes.flat().every((/** @type {any} */ made) => list(made, 2000) && made.every((/** @type {any} */ change) => whole(change?.[0], changes.length - 1) && whole(change[1], 1200) &&
        Number.isFinite(change[2]) && (change[3] === undefined || whole(change[3], size - 8))));
  });
}

/** FNV-1a (64 bits) over numbers, run by run; all that are no number count the same. @param {Float64Array[]} outcomes */
export function outcomesHash(outcomes) {
  let digest = 0xcbf29ce484222325n;
  for (const run of outcomes) {
    const copy = Float64Array.from(run), view = new DataView(copy.buffer);
    copy.forEach((each, n) => { if (Number.isNaN(each)) view.setBigUint64(8 * n, 0x7ff8000000000000n, true); });
    for (const byte of new Uint8Array(copy.buffer)) digest = BigInt.asUintN(64, (digest ^ BigInt(byte)) * 0x100000001b3n);
  }
  return digest.toString(16).padStart(16, "0");
}

export class Engine {
  /** @param {any} header @param {ArrayBuffer} data @param {WebAssembly.Module} compiled @param {string} workerText */
  constructor(header, data, compiled, workerText) {
    this.header = header;
    /** @type {Map<string, Ensemble>} */ this.ensembles = new Map();
    /** @type {any[]} */ this.queue = [];
    /** @type {(key: string) => void} */ this.onchange = () => {};
    /** @type {(reason: string) => void} */ this.onfailure = () => {};
    /** @type {Map<string, (found: any) => void>} */ this.single = new Map();
    this.wanted = /** @type {string[]} */ ([]);
    this.jobs = 0;
    /** @type {Set<string>} */ this.untold = new Set();
    this.months = header.scenario.months;
    this.outcomes = header.words.outcomes.map((/** @type {any} */ each) => each.name);
    this.variables = header.words.path.map((/** @type {any} */ each) => each.name);
    const address = URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
    const count = Math.min(8, Math.max(1, navigator.hardwareConcurrency || 2));
    this.workers = Array.from({ length: count }, () => {
      const worker = new Worker(address), slot = { worker, job: /** @type {any} */ (null) };
      worker.onmessage = ({ data: message }) => this.received(slot, message);
      worker.onerror = (event) => this.onfailure(event.message || "a worker stopped");
      worker.postMessage({ type: "open", compiled, header, data });
      return slot;
    });
  }

  /** The ensembles that are to be computed, in order of importance; what others do not need is dropped. @param {Setting[]} settings @param {Trial[]} [trials] */
  want(settings, trials = []) {
    const all = [...settings, ...trials.map(({ setting }) => setting)];
    this.wanted = all.map((each) => each.key);
    this.queue = this.queue.filter((job) => job.mode === "one");
    for (const setting of all) {
      if (!this.ensembles.has(setting.key)) {
        this.ensembles.set(setting.key, { setting, outcomes: [], path: [], parts: [], done: 0, reach: null });
      }
    }
    const chance = settings.filter(({ worlds }) => !worlds), unknown = settings.filter(({ worlds }) => worlds);
    this.drop(chance.some(({ key }) => !this.isSettled(key)));
    this.forget();
    const runs = this.header.seeds.length, few = Math.min(WIDTH * this.header.societies.length, AWAITED, runs), settled = Math.min(AWAITED, runs);
    for (const setting of chance) this.plan(setting, 0, few, "bands", RANK.first);
    for (const setting of chance) this.plan(setting, few, settled, "bands", RANK.settled);
    for (const setting of chance) this.plan(setting, 0, Math.min(PARTS, runs), "parts", RANK.parts);
    for (const setting of unknown) this.plan(setting, 0, settled, "bands", RANK.worlds);
    for (const { setting, from, to } of trials) this.plan(setting, from, to, "bands", RANK.trials);
    for (const setting of chance) this.plan(setting, settled, runs, "bands", RANK.refined);
    for (const setting of unknown) this.plan(setting, settled, runs, "bands", RANK.worldsRefined);
    this.feed();
  }

  /** Whether nobody waits for an ensemble any more. @param {string} key */
  isSettled(key) {
    const ensemble = this.ensembles.get(key);
    return Boolean(ensemble && (ensemble.reach || ensemble.done >= Math.min(AWAITED, this.header.seeds.length)));
  }

  /** Stop workers at what is not wanted any more and, where somebody waits, at what can wait. @param {boolean} urgent */
  drop(urgent) {
    for (const { job, worker } of this.workers) {
      if (!job || job.dropped) continue;
      if (urgent ? job.rank > RANK.settled || !this.wanted.includes(job.key) : job.mode !== "one" && !this.wanted.includes(job.key)) {
        job.dropped = true;
        worker.postMessage({ type: "drop", id: job.id });
      }
    }
  }

  /** How many runs of trials are there, and how many there will be. @param {Trial[]} trials @returns {[number, number]} */
  progress(trials) {
    let done = 0, all = 0;
    for (const { setting, from, to } of trials) {
      const ensemble = this.ensembles.get(setting.key);
      all += to - from;
      for (let run = from; run < to; run++) if (ensemble?.reach || ensemble?.outcomes[run]) done++;
    }
    return [done, all];
  }

  /** @param {Setting} setting @param {number} from @param {number} to @param {string} mode @param {number} rank */
  plan(setting, from, to, mode, rank) {
    const ensemble = /** @type {Ensemble} */ (this.ensembles.get(setting.key));
    const known = mode === "bands" ? ensemble.outcomes : ensemble.parts;
    const under = new Set([...this.workers.map(({ job }) => job), ...this.queue]
      .filter((job) => job && job.key === setting.key && job.mode === mode && !job.dropped).flatMap((job) => job.runs));
    if (ensemble.reach) return;
    const societies = this.header.societies.length;
    for (let society = 0; society < societies; society++) {
      const runs = [];
      for (let run = from; run < to; run++) if (run % societies === society && !known[run] && !under.has(run)) runs.push(run);
      for (let n = 0; n < runs.length; n += WIDTH) {
        const block = runs.slice(n, n + WIDTH);
        // Filled up with itself where that is sooner than single runs
        const filled = block.length > ALONE ? Array.from({ length: WIDTH }, (_, k) => block[k % block.length]) : block;
        this.queue.push({ ...setting, id: this.jobs++, society, runs: filled, mode, rank });
      }
    }
  }

  /** One run in detail. @param {Setting} setting @param {number} run @returns {Promise<any>} */
  one(setting, run) {
    const key = `one:${setting.key}:${run}`;
    return new Promise((resolve) => {
      this.single.set(key, resolve);
      this.queueSoon({ ...setting, key, id: this.jobs++, society: run % this.header.societies.length, runs: [run], mode: "one", rank: RANK.one });
      this.feed();
    });
  }

  /** Behind what is as urgent. @param {any} job */
  queueSoon(job) {
    const at = this.queue.findIndex((each) => each.rank > job.rank);
    this.queue.splice(at < 0 ? this.queue.length : at, 0, job);
  }

  feed() {
    for (const slot of this.workers) {
      if (!slot.job && this.queue.length) {
        slot.job = this.queue.shift();
        slot.worker.postMessage({ type: "job", job: slot.job });
      }
    }
  }

  /** @param {{job: any, worker: Worker}} slot @param {any} message */
  received(slot, message) {
    slot.job = null;
    const { job } = message, ensemble = this.ensembles.get(job.key);
    if (message.type === "failed") this.onfailure(message.reason);
    else if (message.type === "done" && job.mode === "one") {
      this.single.get(job.key)?.(message);
      this.single.delete(job.key);
    } else if (message.type === "dropped" && job.mode === "one") {
      this.queueSoon({ ...job, id: this.jobs++, dropped: false });
    } else if (ensemble && message.type === "unreachable") {
      ensemble.reach = message.reach;
      this.queue = this.queue.filter((each) => each.key !== job.key);
      this.onchange(job.key);
    } else if (ensemble && message.type === "done") {
      const first = !ensemble.done;
      this.keep(ensemble, message);
      this.tell(job, first);
    }
    this.feed();
  }

  /** Say that an ensemble has changed: at once where it is its first block or the last of those waited for, else not too often.
   * @param {any} job @param {boolean} first */
  tell(job, first) {
    const same = (/** @type {any} */ each) => each && each.key === job.key && each.rank === job.rank && !each.dropped;
    if (job.rank <= RANK.parts && (first || ![...this.workers.map((slot) => slot.job), ...this.queue].some(same))) this.onchange(job.key);
    else {
      if (!this.untold.size) setTimeout(() => { const keys = [...this.untold]; this.untold.clear(); keys.forEach((key) => this.onchange(key)); }, PAUSE);
      this.untold.add(job.key);
    }
  }

  /** @param {Ensemble} ensemble @param {any} message */
  keep(ensemble, message) {
    const { job, outcomes, path, parts } = message, W = job.runs.length;
    const column = (/** @type {Float64Array} */ all, /** @type {number} */ r) => Float64Array.from({ length: all.length / W }, (_, n) => all[n * W + r]);
    job.runs.forEach((/** @type {number} */ run, /** @type {number} */ r) => {
      if (job.mode === "parts") { ensemble.parts[run] = column(parts, r); return; }
      if (!ensemble.outcomes[run]) ensemble.done++;
      ensemble.outcomes[run] = column(outcomes, r);
      ensemble.path[run] = column(path, r);
    });
  }

  /** Keep the ensembles that were asked for last. */
  forget() {
    for (const key of [...this.ensembles.keys()].slice(0, -KEPT)) if (!this.wanted.includes(key)) this.ensembles.delete(key);
  }

  /** A variable of the path, by run and month. @param {Ensemble} ensemble @param {string} variable @returns {number[][]} */
  curves(ensemble, variable) {
    const at = this.variables.indexOf(variable), count = this.variables.length;
    return ensemble.path.filter((each) => each !== undefined).map((path) =>
      Array.from({ length: this.months + 1 }, (_, t) => /** @type {Float64Array} */ (path)[t * count + at]));
  }

  /** An outcome of each run (undefined: not computed yet). @param {Ensemble} ensemble @param {string} name */
  outcome(ensemble, name) {
    const at = this.outcomes.indexOf(name);
    return Array.from(ensemble.outcomes, (each) => (each ? each[at] : undefined));
  }

  /** Whether the first runs have the outcomes that they have in Python; null: not known yet. @param {Ensemble} base */
  passesTest(base) {
    const { runs, hash } = this.header.expected;
    const found = runs.map((/** @type {number} */ run) => base.outcomes[run]);
    return found.every(Boolean) ? outcomesHash(found) === hash : null;
  }
}
