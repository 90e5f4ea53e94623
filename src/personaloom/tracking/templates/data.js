// Unpacking: every block is base64 of deflated JSON. The index is unpacked at once, texts when they are read.
const bytesOf = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
};
const unpack = async (text) => {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
};
const parsed = new Promise((done) => {
  if (document.readyState !== "loading") done();
  else document.addEventListener("DOMContentLoaded", () => done(), { once: true });
});
class Chunks {
  // Records by position, from blocks named prefix0, prefix1 …; the last few blocks stay unpacked.
  constructor(prefix, starts, total, kept = 24) {
    Object.assign(this, { prefix, starts, total, kept, cache: new Map() });
  }
  chunkOf(position) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  async chunk(number) {
    if (!this.cache.has(number)) {
      let block = $(this.prefix + number);
      if (!block) {
        await parsed;
        block = $(this.prefix + number);
      }
      this.cache.set(number, unpack(block.textContent));
      if (this.cache.size > this.kept) this.cache.delete(this.cache.keys().next().value);
    }
    return this.cache.get(number);
  }
  async get(position) {
    const number = this.chunkOf(position);
    return (await this.chunk(number))[position - this.starts[number]];
  }
}
