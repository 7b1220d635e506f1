// Node's own clients: node deliver.mjs URL BODY_FILE COUNT MODE NAME=VALUE...
//
// MODE: "default" (node:http with keep-alive), "fetch", "chunked", "expect", "upgrade" (h2c is offered). One status a line.
import { readFileSync } from "node:fs";
import http from "node:http";

const [url, file, count, mode, ...fields] = process.argv.slice(2);
const body = readFileSync(file);
const headers = Object.fromEntries(fields.map((field) => field.split(/=(.*)/s).slice(0, 2)));
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function deliver() {
  return new Promise((done, failed) => {
    const extra = {};
    if (mode === "expect") extra.Expect = "100-continue";
    if (mode === "upgrade") Object.assign(extra, { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABk" });
    if (mode !== "chunked") extra["Content-Length"] = body.length;
    const request = http.request(url, { method: "POST", agent, headers: { ...headers, ...extra } }, (answer) => {
      answer.resume();
      answer.on("end", () => done(answer.statusCode));
    });
    request.on("error", failed);
    if (mode === "expect") {
      request.on("continue", () => request.end(body));
      request.flushHeaders();
    } else if (mode === "chunked") {
      request.write(body.subarray(0, 10));
      request.end(body.subarray(10));
    } else request.end(body);
  });
}

for (let number = 0; number < Number(count); number++) {
  if (mode === "fetch") {
    const answer = await fetch(url, { method: "POST", headers, body });
    await answer.text();
    console.log(answer.status);
  } else console.log(await deliver());
}
agent.destroy();
