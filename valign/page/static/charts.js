// Charts as inline SVG: labels beside the lines, bands named as what they are, a table of the same numbers for all readers.

/**
 * @typedef {{label: string, colour: string, dash: string, summary: {median: number[], low: number[], high: number[],
 *   lower: number[], upper: number[]}, band: string, pale: boolean}} Line
 */

export const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const SVG = "http://www.w3.org/2000/svg";

/** An element of SVG or HTML. @param {string} name @param {Record<string, string | number>} [attributes] @param {(Node | string)[]} children */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** @param {string} name @param {Record<string, string | number>} [attributes] @param {(Node | string)[]} children */
export function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** @param {string} text @param {() => void} act */
export function button(text, act) {
  const made = html("button", { type: "button" }, text);
  made.onclick = act;
  return made;
}

/** Text with what stands in backquotes as code. @param {string} text @returns {(Node | string)[]} */
export function coded(text) {
  return text.split("`").map((each, n) => (n % 2 ? html("code", {}, each) : each));
}

/** A table that scrolls by itself; the first cell of a row is its head. @param {string} title @param {any[]} heads text, or what it consists of @param {any[][]} rows @param {Record<string, string>} [how] @param {Node[]} caption */
export function scrolling(title, heads, rows, how = {}, ...caption) {
  const cell = (/** @type {string} */ name, /** @type {Record<string, string>} */ scope, /** @type {any} */ holds) => html(name, scope, ...(Array.isArray(holds) ? holds : [holds]));
  return html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, html("table", how, ...caption,
    html("thead", {}, html("tr", {}, ...heads.map((each) => cell("th", { scope: "col" }, each)))),
    html("tbody", {}, ...rows.map(([first, ...rest]) => html("tr", {}, cell("th", { scope: "row" }, first), ...rest.map((each) => cell("td", {}, each)))))));
}

export const percent = (/** @type {number} */ share) => {
  if (!Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return "< 1 %";
  if (share < 1 && share > 0.995) return "> 99 %";
  return `${Math.round(100 * share)} %`;
};

/** A number as people read it, by the kind of its column. @param {number} value @param {string} kind */
export function written(value, kind) {
  if (value === Infinity) return "never";
  if (!Number.isFinite(value)) return "–";
  if (kind === "share") return percent(value);
  if (kind === "month") return value.toFixed(0);
  if (kind === "pounds") return `£${Math.round(Number((1000 * value).toPrecision(3))).toLocaleString("en-GB")}`;
  if (kind === "thousands") return Math.round(value).toLocaleString("en-GB");
  return value.toFixed(2);
}

/** @param {number[]} sorted @param {number} p */
export function quantile(sorted, p) {
  if (!sorted.length) return NaN;
  const at = (sorted.length - 1) * p, low = Math.floor(at), high = Math.ceil(at);
  return low === high || sorted[low] === sorted[high] ? sorted[low] : sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** Median, middle half and nine runs of ten, month by month. @param {number[][]} curves */
export function summary(curves) {
  const months = curves.length ? curves[0].length : 0;
  const found = { median: [], low: [], high: [], lower: [], upper: [] };
  const parts = { median: 0.5, low: 0.05, high: 0.95, lower: 0.25, upper: 0.75 };
  for (let t = 0; t < months; t++) {
    const sorted = curves.map((each) => each[t]).filter(Number.isFinite).sort((a, b) => a - b);
    for (const [name, p] of Object.entries(parts)) /** @type {any} */ (found)[name].push(quantile(sorted, p));
  }
  return found;
}

/** @param {number[]} wanted @param {number} gap @param {number} low @param {number} high @returns {number[]} */
function apart(wanted, gap, low, high) {
  const placed = wanted.map((each) => Math.max(low, each));
  const order = wanted.map((_, n) => n).sort((a, b) => placed[a] - placed[b]);
  order.forEach((n, k) => { if (k) placed[n] = Math.max(placed[n], placed[order[k - 1]] + gap); });
  for (let k = order.length - 1; k >= 0; k--) {
    const most = k === order.length - 1 ? high : placed[order[k + 1]] - gap;
    placed[order[k]] = Math.max(low, Math.min(placed[order[k]], most));
  }
  return placed;
}

/**
 * Shares over months.
 * @param {string} title @param {Line[]} lines @param {{months: number, marks: {month: number, label: string}[], narrow: boolean, expected?: number | null}} how
 *   expected : what a group guessed for the end
 */
export function curves(title, lines, { months, marks, narrow, expected = null }) {
  const width = narrow ? 340 : 560, height = narrow ? 215 : 290, left = 44, room = narrow ? 138 : 140, top = 12, bottom = height - 34;
  const right = width - room;
  const x = (/** @type {number} */ t) => left + ((right - left) * t) / months;
  const y = (/** @type {number} */ share) => bottom - (bottom - top) * Math.min(1, Math.max(0, share));
  const path = (/** @type {number[]} */ values) => values.map((v, t) => `${t ? "L" : "M"}${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const area = (/** @type {number[]} */ high, /** @type {number[]} */ low) =>
    `${path(high)}${low.map((v, t) => `L${x(low.length - 1 - t).toFixed(1)} ${y(low[low.length - 1 - t]).toFixed(1)}`).join("")}Z`;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "chart" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    drawn.append(svg("line", { x1: left, x2: right, y1: y(share), y2: y(share), class: "grid" }));
    drawn.append(svg("text", { x: left - 6, y: y(share) + 4, class: "tick end" }, `${100 * share} %`));
  }
  const step = [12, 24, 36, 60, 120].find((each) => months / each <= (narrow ? 5 : 8)) ?? 240;
  for (let t = 0; t <= months; t += months < 12 ? Math.max(1, Math.ceil(months / 5)) : step) {
    drawn.append(svg("text", { x: x(t), y: bottom + 17, class: "tick middle" }, months < 12 ? `${t}` : t ? `${t / 12}` : "0"));
  }
  drawn.append(svg("text", { x: right, y: bottom + 31, class: "tick end" }, months < 12 ? "months" : "years"));
  marks.forEach(({ month, label }, n) => {
    drawn.append(svg("line", { x1: x(month), x2: x(month), y1: top, y2: bottom, class: "mark" }));
    drawn.append(svg("text", { x: x(month) + (x(month) > (left + right) / 2 ? -4 : 4), y: top + 10 + 12 * (n % 3), class: `tick ${x(month) > (left + right) / 2 ? "end" : ""}` }, label));
  });
  for (const { summary: s, colour, pale } of lines) {
    if (pale && lines.length > 2) continue; // three bands cannot be told apart
    drawn.append(svg("path", { d: area(s.high, s.low), fill: colour, opacity: pale ? 0.12 : 0.16 }));
    if (!pale) drawn.append(svg("path", { d: area(s.upper, s.lower), fill: colour, opacity: 0.22 }));
  }
  for (const { summary: s, colour, dash } of lines) {
    drawn.append(svg("path", { d: path(s.median), fill: "none", stroke: colour, "stroke-width": 2.4, "stroke-dasharray": dash }));
  }
  const labels = lines.flatMap(({ label, summary: s, colour, band, pale }) => {
    const last = s.median.length - 1;
    const own = [{ text: `${label} ${percent(s.median[last])}`, at: y(s.median[last]), colour, bold: true }];
    return band && !pale ? [...own, { text: band, at: y(s.high[last]), colour, bold: false }] : own;
  });
  if (expected !== null) {
    drawn.append(svg("path", { d: `M${right - 8} ${y(expected)}l8 -6v12Z`, class: "guess" }));
    labels.push({ text: `you expected ${percent(expected)}`, at: y(expected), colour: "var(--ink)", bold: true });
  }
  const places = apart(labels.map((each) => each.at), 13, top + 6, bottom + 2);
  labels.forEach(({ text, colour, bold }, n) => {
    drawn.append(svg("text", { x: right + 6, y: places[n] + 4, style: `fill: ${colour}`, class: bold ? "label strong" : "label" }, text));
  });
  return html("figure", {}, html("figcaption", {}, title), drawn, table(title, lines, months));
}

/** The numbers of a chart, year by year. @param {string} title @param {Line[]} lines @param {number} months */
function table(title, lines, months) {
  const step = months < 12 ? 1 : 12;
  const rows = [];
  for (let t = 0; t <= months; t += step) {
    const cells = lines.flatMap(({ summary: s }) => [percent(s.median[t]), `${percent(s.low[t])} to ${percent(s.high[t])}`]);
    rows.push([String(t), ...cells]);
  }
  const heads = lines.flatMap(({ label }) => [label === "middle run" ? "Middle run" : `${label}: middle run`, label === "middle run" ? "Nine runs of ten" : `${label}: nine runs of ten`]);
  return html("details", {}, html("summary", {}, "Numbers"), scrolling(`Numbers: ${title}`, ["Month", ...heads], rows));
}

/** A text in two lines where it has more letters than that. @param {string} text @param {number} most */
function inLines(text, most) {
  const at = text.length > most ? text.lastIndexOf(" ", text.length / 2 + 4) : -1;
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text];
}

/**
 * Bars to either side of zero.
 * @param {string} title @param {{label: string, value: number, low: number, high: number}[]} bars @param {boolean} narrow @param {[string, string]} ends what either side means
 */
export function bars(title, bars, narrow, [less, more] = narrow ? ["lowers", "raises it"] : ["lowers alignment", "raises alignment"]) {
  const room = narrow ? 19 : 27, texts = bars.map(({ label }) => inLines(label, room));
  const width = narrow ? 340 : 560, rowHeight = texts.some((each) => each.length > 1) ? 30 : 24, left = narrow ? 132 : 190, right = width - 56, top = 8;
  const height = top + rowHeight * bars.length + 26;
  const most = Math.max(0.01, ...bars.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  const x = (/** @type {number} */ v) => (left + right) / 2 + ((right - left) / 2) * (v / most);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "chart" });
  drawn.append(svg("line", { x1: x(0), x2: x(0), y1: top, y2: height - 22, class: "axis" }));
  bars.forEach(({ value, low, high }, n) => {
    const middle = top + rowHeight * n + rowHeight / 2;
    texts[n].forEach((text, k) => drawn.append(svg("text", { x: left - 8, y: middle + 4 + 12 * (k - (texts[n].length - 1) / 2), class: "label end" }, text)));
    drawn.append(svg("rect", { x: Math.min(x(0), x(value)), y: middle - 7, width: Math.abs(x(value) - x(0)), height: 14, class: value < 0 ? "bar less" : "bar" }));
    drawn.append(svg("line", { x1: x(low), x2: x(high), y1: middle, y2: middle, class: "whisker" }));
    drawn.append(svg("text", { x: width - 2, y: middle + 4, class: "label end" }, Math.abs(value) < 0.0005 ? "0" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`));
  });
  drawn.append(svg("text", { x: left, y: height - 6, class: "tick" }, less));
  drawn.append(svg("text", { x: right, y: height - 6, class: "tick end" }, more));
  return html("figure", {}, html("figcaption", {}, title), drawn);
}
