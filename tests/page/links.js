// In a page: a thousand damaged and hostile links. Gives the sentences with which they are refused, and those that were taken.
async () => {
  const { page } = window, { store } = page;
  let seed = 4321;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  const good = { version: 2, scenarios: [{ name: "A", values: { slack: 0.5 }, actions: { mandate: { step: 0, place: 0, start: 1 } } }], shown: 0, against: -1, all: false, budget: 5, question: "money" };
  const packed = async (text) => {
    const bytes = new Uint8Array(await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer());
    return "#s=" + btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const evil = [null, -1, 1e300, "<script>alert(1)</script>", [], {}, 0.5, "__proto__", [[]], "x".repeat(50000), true, [1, 2, 3, 4, 5, 6]];
  const places = [];
  const walk = (node, path) => {
    for (const key of Object.keys(node)) {
      places.push([...path, key]);
      if (node[key] && typeof node[key] === "object") walk(node[key], [...path, key]);
    }
  };
  walk(good, []);
  const link = await packed(JSON.stringify(good));
  const hostile = async () => {
    const copy = JSON.parse(JSON.stringify(good)), path = places[random(places.length)];
    let node = copy;
    for (const key of path.slice(0, -1)) node = node[key];
    if (random(4)) node[path.at(-1)] = evil[random(evil.length)];
    else delete node[path.at(-1)];
    return packed(JSON.stringify(copy));
  };
  const damaged = () => {
    const at = 3 + random(link.length - 3);
    return random(2) ? link.slice(0, at) : link.slice(0, at) + "%<\"'{}&=+/é".charAt(random(11)) + link.slice(at + 1);
  };
  const bomb = await packed(JSON.stringify({ ...good, more: "0".repeat(5e6) }));
  const meeting = await packed(JSON.stringify({ ...good, scenarios: [{ ...good.scenarios[0], values: { leadership_strength: 0.8 }, actions: { "leadership-programme": { step: 1, place: 0, start: 1 } } }] }));
  const reasons = {}, accepted = [], before = JSON.stringify(store.given());
  for (let n = 0; n < 1200; n++) {
    const text = n === 0 ? bomb : n === 1 ? meeting : n === 2 ? "#slack=0.5" : n % 2 ? damaged() : await hostile();
    const kept = store.state;
    try {
      await store.fromLink(text);
      // a name or a switch may be another: what was taken has to be a state of this page
      const again = JSON.parse(JSON.stringify(store.given()));
      store.state = kept;
      store.take(again);
      if (n % 2 || n < 3) accepted.push(text);
      store.state = kept;
    } catch (error) {
      reasons[error.message] = (reasons[error.message] ?? 0) + 1;
      if (JSON.stringify(store.given()) !== before) accepted.push(`changed by ${text}`);
    }
  }
  return { reasons, accepted };
};
