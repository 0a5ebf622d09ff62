// In a page: a thousand damaged and hostile images. Gives the sentences with which they are refused, and those that were not.
async () => {
  const { opened, unpacked, checksum } = window.valign;
  let seed = 12345;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  const good = await unpacked(document.getElementById("image").textContent);
  const kernels = document.body.dataset.kernels;
  const { header, data } = opened(good.slice(0), kernels);
  const evil = [null, -1, 1e12, "x", [], {}, 0.5, "__proto__", [[]], 2 ** 40];
  const places = [];
  const walk = (node, path) => {
    for (const key of Object.keys(node)) {
      places.push([...path, key]);
      if (node[key] && typeof node[key] === "object") walk(node[key], [...path, key]);
    }
  };
  walk(header, []);
  const damaged = () => {
    const file = new Uint8Array(good.slice(0, random(3) ? good.byteLength : random(good.byteLength)));
    for (let k = 0; k < 1 + random(20) && file.length; k++) file[random(file.length)] ^= 1 + random(255);
    return file.buffer;
  };
  const hostile = (near) => {
    const copy = JSON.parse(JSON.stringify(header));
    const path = places[random(near ? 400 : places.length)];
    let node = copy;
    for (const key of path.slice(0, -1)) node = node[key];
    node[path.at(-1)] = evil[random(evil.length)];
    let text = JSON.stringify(copy);
    text += " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
    const words = new TextEncoder().encode(text), bytes = new Uint8Array(16 + words.length + data.byteLength);
    bytes.set(new Uint8Array(good.slice(0, 8)));
    bytes.set(words, 16);
    bytes.set(new Uint8Array(data), 16 + words.length);
    new DataView(bytes.buffer).setUint32(8, words.length, true);
    new DataView(bytes.buffer).setUint32(12, checksum(bytes.subarray(16)), true);
    return bytes.buffer;
  };
  const reasons = {}, passed = [];
  for (let n = 0; n < 1000; n++) {
    const file = n % 2 ? damaged() : hostile(n % 4 === 0);
    try {
      opened(file, kernels);
      passed.push({ damaged: Boolean(n % 2), file: Array.from(new Uint8Array(file)) });
    } catch (error) {
      reasons[error.message] = (reasons[error.message] ?? 0) + 1;
    }
  }
  return {
    reasons,
    accepted: passed.filter((each) => each.damaged).length,
    passed: passed.filter((each) => !each.damaged).slice(0, 3).map((each) => btoa(each.file.map((n) => String.fromCharCode(n)).join(""))),
  };
};
