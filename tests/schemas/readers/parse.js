// Parses AsyncAPI documents as its own tools do: what is wrong with each, and what it names, as JSON.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

async function parsed(path) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf-8"), { source: path });
  const faults = diagnostics.map((one) => `${one.code} ${one.path.join(".")}: ${one.message}`);
  const channels = {};
  for (const channel of document ? document.channels().all() : []) {
    channels[channel.address()] = channel.messages().all().map((message) => message.name());
  }
  const payloads = {};
  for (const message of document ? document.components().messages().all() : []) {
    payloads[message.name()] = Object.keys(message.payload().properties());
  }
  return { faults, channels, payloads };
}

(async () => {
  const all = [];
  for (const path of process.argv.slice(2)) all.push(await parsed(path));
  process.stdout.write(JSON.stringify(all));
})();
