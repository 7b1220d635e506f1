// Reads records from files, as a consumer in TypeScript would, and writes each back as a line of JSON.
import { readFileSync } from "node:fs";
import type { QuarantineRecord } from "./quarantine";
import type { Amount, Status, StatusEvent } from "./status_event";

const OVER: ReadonlySet<Status> = new Set<Status>(["completed", "verified", "failed", "rejected", "expired", "cancelled"]);

function checked(event: StatusEvent): StatusEvent {
  if (OVER.has(event.status) !== event.terminal) throw new Error(`${event.status} and terminal disagree`);
  const spent: Amount | null = event.spent;
  if (spent?.amount != null && typeof spent.amount !== "string") throw new Error("an amount is no text");
  return event;
}

for (const path of process.argv.slice(2)) {
  const value: unknown = JSON.parse(readFileSync(path, "utf-8"));
  const record = path.includes("quarantine") ? (value as QuarantineRecord) : checked(value as StatusEvent);
  process.stdout.write(JSON.stringify(record) + "\n");
}
