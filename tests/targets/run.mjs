// run.mjs FILE.wasm - runs the export `run` under node; its result is the exit status.
import fs from 'node:fs';

let instance;
const text = (at) => {
    const bytes = new Uint8Array(instance.exports.memory.buffer);
    return Buffer.from(bytes.slice(at, bytes.indexOf(0, at))).toString();
};
const env = { puts: (at) => process.stdout.write(text(at)) };
instance = (await WebAssembly.instantiate(fs.readFileSync(process.argv[2]), { env })).instance;
process.exit(instance.exports.run());
