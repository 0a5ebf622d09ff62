// Several scenarios in one page: its address says which one is shown (?scenario=NAME), a list lets one choose.
import { $ } from "./charts.js";

/** Put the scenario that the address names in the place of the first, before anything is read. */
export function choose() {
  /** @type {{name: string, title: string, image?: string, further?: any, fixed?: string[][]}[]} */
  const all = JSON.parse($("several").textContent ?? "[]");
  const wanted = new URLSearchParams(location.search).get("scenario");
  const chosen = all.find(({ name }) => name === wanted) ?? all[0];
  if (!chosen) return;
  if (chosen.image) {
    $("image").textContent = chosen.image;
    $("further").textContent = JSON.stringify(chosen.further);
    $("title").textContent = chosen.title;
    document.title = `${chosen.title} · valign`;
    const [first] = chosen.fixed ?? [];
    if (first) $("fixed-line").textContent = `valign page ${chosen.name} --set ${first[0]}=${first[2]}`;
    $("fixed-list").replaceChildren(...(chosen.fixed ?? []).map(([key, meaning, value]) => {
      const item = document.createElement("li"), code = document.createElement("code");
      code.textContent = key;
      item.append(`${meaning}: ${value} (`, code, ")");
      return item;
    }));
  }
  const list = /** @type {HTMLSelectElement} */ ($("which"));
  list.replaceChildren(...all.map(({ name, title }) => new Option(title, name, false, name === chosen.name)));
  list.onchange = () => { location.href = `${location.pathname}?scenario=${encodeURIComponent(list.value)}`; };
  $("choose").hidden = false;
}
