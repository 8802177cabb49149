// A tiny web server that tells its caller who it is and from which address the call came.
// Usage: node responder.mjs NAME PORT READY_FILE [ADDRESS=WORDS ...]
import { appendFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const [name, port, ready, ...known] = process.argv.slice(2);
const words = new Map(known.map((entry) => entry.split("=", 2)));

const server = createServer((request, response) => {
  const from = request.socket.remoteAddress.replace(/^::ffff:/, "");
  appendFileSync(`${ready}.calls`, `${from}\n`);
  const who = words.has(from) ? `${from}, ${words.get(from)}` : from;
  response.end(`${name} here; you came from ${who}\n`);
});
server.listen(Number(port), "0.0.0.0", () => writeFileSync(ready, ""));
