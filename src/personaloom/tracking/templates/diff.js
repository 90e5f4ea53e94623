// Which words of a noisy text are new, and which of the clean text are gone: longest common subsequence over words.
const MOST_CELLS = 1.5e6;
const tokens = (text) => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
const diff = (clean, noisy) => {
  const a = tokens(clean);
  const b = tokens(noisy);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  const [gone, fresh] = x.length * y.length > MOST_CELLS ? [x.map(() => true), y.map(() => true)] : changed(x, y);
  const flags = (middle, size) => [...Array(head).fill(false), ...middle, ...Array(size - head - middle.length).fill(false)];
  return { clean: runs(a, flags(gone, a.length)), noisy: runs(b, flags(fresh, b.length)) };
};
const changed = (x, y) => {
  const width = y.length + 1;
  const table = new Uint16Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      table[i * width + j] = x[i] === y[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const gone = x.map(() => true);
  const fresh = y.map(() => true);
  for (let i = 0, j = 0; i < x.length && j < y.length; ) {
    if (x[i] === y[j]) [gone[i++], fresh[j++]] = [false, false];
    else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i++;
    else j++;
  }
  return [gone, fresh];
};
const runs = (list, flags) => {
  // A blank between two changed words belongs to the change.
  const marked = flags.map((flag, i) => flag || (/^\s+$/.test(list[i]) && flags[i - 1] === true && flags[i + 1] === true));
  const out = [];
  list.forEach((token, i) => {
    const last = out[out.length - 1];
    if (last && last.changed === marked[i]) last.text += token;
    else out.push({ text: token, changed: marked[i] });
  });
  return out;
};
