// A worker: one instance of month.wasm, one block of runs at a time, one month a call, so that it hears in between that a
// block is not wanted any more. No dynamics here: arrays are laid out, written into and read.
"use strict";

/**
 * @typedef {{name: string, word: number, kind: string, a: number[], b: number[], at?: number, bytes?: number,
 *   runs?: boolean, filled?: boolean, of?: string}} Field
 * @typedef {{id: number, key: string, society: number, runs: number[], mode: string, worlds: boolean,
 *   writes: [string, number[], number, number?][]}} Job
 */

const PAGE = 65536, ALIGNED = 64, ROWS_BYTES = 1 << 20, ORDER_BYTES = 16384;

/** @type {WebAssembly.Module} */ let compiled;
/** @type {any} */ let header;
/** @type {ArrayBuffer} */ let data;
/** @type {{memory: WebAssembly.Memory, exports: any} | null} */ let instance = null;
/** @type {Set<number>} */ const unwanted = new Set(); // jobs, by number
const channel = new MessageChannel();

const aligned = (/** @type {number} */ n) => Math.ceil(n / ALIGNED) * ALIGNED;
const itemsize = (/** @type {string} */ kind) => Number(kind[1]); // f8:2 has eight bytes

/** Let messages that have arrived be read. @returns {Promise<void>} */
function breath() {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(0);
  });
}

/** Whether a block is not wanted any more, by the messages that have arrived. @param {Job} job */
async function isUnwanted(job) {
  await breath();
  return unwanted.delete(job.id);
}

/** A block of runs that share a society, in the memory of the instance. */
class Block {
  /** @param {Job} job */
  constructor(job) {
    this.job = job;
    this.W = job.runs.length;
    /** @type {Map<string, {field: Field, words: number[], at: number, bytes: number}>} */
    this.placed = new Map();
    this.place();
    this.fill();
  }

  /** Where everything lies, and the table of headers as kernels read it. */
  place() {
    const modes = header.societies[this.job.society].modes;
    const special = this.job.mode === "bands" ? [] : modes[this.job.mode];
    /** @type {Map<string, Field>} */
    const fields = new Map([...modes.bands, ...special].map((each) => [each.name, each]));
    let end = aligned(heapBase());
    const start = end;
    for (const [name, field] of fields) {
      const words = field.a.map((a, n) => a + field.b[n] * this.W);
      const bytes = field.of ? 0 : words[1] * itemsize(field.kind);
      this.placed.set(name, { field, words, at: end, bytes });
      if (!field.of) end = aligned(end + bytes);
    }
    const parameters = this.get("parameters").at;
    let words = 0;
    for (const each of this.placed.values()) {
      if (each.field.of) each.at = parameters + each.words[0];
      words = Math.max(words, each.field.word + each.words.length);
    }
    this.table = end;
    this.order = aligned(end + 8 * words);
    this.rows = this.order + ORDER_BYTES;
    ready(this.rows + ROWS_BYTES);
    new Uint8Array(memory().buffer, start, this.rows - start).fill(0);
    const table = new Uint32Array(memory().buffer, this.table, 2 * words);
    for (const each of this.placed.values()) {
      [each.at, ...each.words.slice(1)].forEach((value, n) => { table[2 * (each.field.word + n)] = value; });
    }
  }

  /** @param {string} name */
  get(name) {
    const found = this.placed.get(name);
    if (!found) throw new Error(`there is no array ${name}`);
    return found;
  }

  /** @param {string} name @returns {Float64Array} */
  floats(name) {
    const { at, bytes } = this.get(name);
    return new Float64Array(memory().buffer, at, bytes / 8);
  }

  /** @param {string} name @returns {Int8Array} */
  bytes(name) {
    const { at, bytes } = this.get(name);
    return new Int8Array(memory().buffer, at, bytes);
  }

  /** Numbers of the scenario, seeds, worlds, and what the levers write. */
  fill() {
    for (const { field, at, bytes } of this.placed.values()) {
      if (field.at === undefined || !bytes) continue;
      if (!field.runs) new Uint8Array(memory().buffer, at, bytes).set(new Uint8Array(data, field.at, field.bytes));
      else this.spread(field, at, bytes);
    }
    const low = this.words("key_low"), high = this.words("key_high"), runs = this.words("runs");
    this.job.runs.forEach((run, r) => {
      const seed = BigInt(header.seeds[run]);
      low[2 * r] = Number(seed & 0xffffffffn);
      high[2 * r] = Number(seed >> 32n);
      runs[2 * r] = r;
    });
    if (this.job.worlds && header.worlds) this.fillWorlds();
    for (const [name, positions, value, column] of this.job.writes) {
      const byWorld = this.job.worlds && header.worlds && column !== undefined ? new Float64Array(data, column, header.worlds.count) : null;
      const { b } = this.get(name).field, ofRuns = b.some((each) => each !== 0); // what grows with the runs holds a number for each
      for (const position of positions) {
        if (!ofRuns) this.write(name, position, value);
        else this.job.runs.forEach((run, r) => this.write(name, position * this.W + r, byWorld ? byWorld[run % byWorld.length] : value));
      }
    }
  }

  /** @param {string} name @returns {Uint32Array} */
  words(name) {
    const { at, bytes } = this.get(name);
    return new Uint32Array(memory().buffer, at, bytes / 4);
  }

  /** The same number for every run. @param {Field} field @param {number} at @param {number} bytes */
  spread(field, at, bytes) {
    const size = itemsize(field.kind), parts = size === 8 ? 2 : 1;
    const Kind = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
    const from = new Kind(data, /** @type {number} */ (field.at), /** @type {number} */ (field.bytes) / (size / parts));
    const to = new Kind(memory().buffer, at, bytes / (size / parts));
    for (let n = 0; n < from.length; n += parts) {
      for (let r = 0; r < this.W; r++) {
        for (let k = 0; k < parts; k++) to[n * this.W + r * parts + k] = from[n + k];
      }
    }
  }

  /** @param {string} name @param {number} place @param {number} value */
  write(name, place, value) {
    if (this.get(name).field.kind.startsWith("f8")) this.floats(name)[place] = value;
    else this.words(name).set([value, 0], 2 * place);
  }

  /** Parameters of each run's world. */
  fillWorlds() {
    const { keys, at, count, values } = header.worlds;
    const numbers = new Float64Array(data, values, count * keys.length);
    this.job.runs.forEach((run, r) => {
      for (let k = 0; k < keys.length; k++) {
        for (const position of at[k]) this.write("parameters", position * this.W + r, numbers[(run % count) * keys.length + k]);
      }
    });
  }

  /** @param {number[][]} steps @param {number} first @param {number} last */
  run(steps, first, last) {
    const order = new Uint32Array(memory().buffer, this.order, 4 * steps.length);
    steps.forEach(([kernel, argument], n) => order.set([kernel, 0, argument >>> 0, argument < 0 ? 0xffffffff : 0], 4 * n));
    const status = instance?.exports.run(this.table, this.order, steps.length, BigInt(first), BigInt(last), this.rows);
    if (status !== 0) throw new Error(`a kernel stopped with status ${status}`);
  }

  /** Whether the level of alignment that is asked for can be reached; else what can be. @returns {[number, number] | null} */
  outOfReach() {
    const level = this.floats("level"), low = this.floats("lowest"), high = this.floats("highest");
    const out = level.some((each, r) => !Number.isNaN(each) && !(each >= low[r] && each <= high[r]));
    return out ? [Math.max(...low), Math.min(...high)] : null;
  }
}

/** Add a month's flows: change in alignment of members by balance, entry and run. @param {Block} block @param {Float64Array} sums */
function addFlows(block, sums) {
  const count = block.words("flow_count"), places = block.words("flow_position"), changes = block.floats("flow_change");
  const { cells } = header.societies[block.job.society], { entries, balances } = header.words;
  for (let n = 0; n < count[0]; n++) {
    const place = places[2 * n] + places[2 * n + 1] * 2 ** 32, r = place % block.W;
    const rest = Math.floor(place / block.W), cell = rest % cells, row = Math.floor(rest / cells) % (entries.length * balances.length);
    if (cell < cells - 4) sums[row * block.W + r] += changes[n]; // the last four are commissioners
  }
  count[0] = 0;
}

/** Terms of what each service last considered, whether it asked for a pilot in vain, and who considered starting. @param {Block} block */
function considered(block) {
  return { terms: Float32Array.from(block.floats("service_terms")), asked: Int8Array.from(block.bytes("asked")) };
}

/** Terms of decisions of services that changed their stage this month. @param {Block} block @param {number} month */
function decisions(block, month) {
  const after = block.bytes("service_stage"), before = block.bytes("service_stage_before"), terms = block.floats("service_terms");
  const length = header.words.service_terms.length;
  const found = [];
  for (let o = 0; o < after.length; o++) {
    if (after[o] !== before[o]) {
      found.push({ month, service: o, from: before[o], to: after[o], terms: Array.from(terms.subarray(o * length, (o + 1) * length)) });
    }
  }
  return found;
}

/** @param {Job} job */
async function simulate(job) {
  const began = performance.now(), block = new Block(job), steps = header.steps;
  const months = job.mode === "parts" ? steps.month_parts : steps.month;
  if (await isUnwanted(job)) return postMessage({ type: "dropped", job });
  block.run(steps.start, 0, 1);
  const reach = block.outOfReach();
  if (reach) return postMessage({ type: "unreachable", job, reach });
  const told = [], thought = [], sums = new Float64Array(header.words.entries.length * header.words.balances.length * block.W);
  let last = performance.now();
  for (let t = 1; t <= header.scenario.months; t++) {
    block.run(months, t, t + 1);
    if (job.mode === "parts") addFlows(block, sums);
    if (job.mode === "one") {
      told.push(...decisions(block, t));
      thought.push(considered(block));
    }
    if (performance.now() - last > 12) {
      if (await isUnwanted(job)) return postMessage({ type: "dropped", job });
      last = performance.now();
    }
  }
  block.run(steps.end, 0, 1);
  /** @type {any} */
  const found = { type: "done", job, took: performance.now() - began, outcomes: block.floats("run_outcomes").slice(), path: block.floats("path").slice() };
  if (job.mode === "parts") found.parts = sums;
  if (job.mode === "one") {
    found.places = block.floats("place_series").slice();
    found.people = Float32Array.from(block.floats("agent_series"));
    found.peopleShape = block.get("agent_series").words.slice(2, 5);
    found.organisation = new Int32Array(memory().buffer, block.get("organisation").at, block.get("organisation").bytes / 4).slice();
    found.role = Int8Array.from({ length: block.get("role").bytes / 8 }, (_, i) => block.words("role")[2 * i]);
    found.decisions = told;
    found.considered = thought;
  }
  postMessage(found);
}

function memory() {
  return /** @type {{memory: WebAssembly.Memory}} */ (instance).memory;
}

let base = 0;
function heapBase() {
  if (!base) {
    ready(2 * 1024 * 1024);
    base = instance?.exports.__heap_base.value;
  }
  return base;
}

/** An instance with a memory of so many bytes at least. @param {number} bytes */
function ready(bytes) {
  if (instance && instance.memory.buffer.byteLength >= bytes) return;
  const pages = Math.max(32, Math.ceil(bytes / PAGE));
  instance = null;
  const made = new WebAssembly.Memory({ initial: pages, maximum: Math.min(65536, pages + 1024) });
  instance = { memory: made, exports: new WebAssembly.Instance(compiled, { env: { memory: made } }).exports };
}

onmessage = async ({ data: message }) => {
  if (message.type === "open") {
    ({ compiled, header, data } = message);
  } else if (message.type === "drop") {
    unwanted.add(message.id);
  } else {
    try {
      await simulate(message.job);
    } catch (error) {
      postMessage({ type: "failed", job: message.job, reason: String(error) });
    }
  }
};
