/** The probe's IPAM server: gives out addresses over HTTPS, and misbehaves when it is told to. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";

/**
 * slow: never answers. refuse: says no. nonsense: an address that is none. stray: one that is not for tenants. twice: one
 * that another container has.
 */
export type AddressMode = "good" | "slow" | "refuse" | "nonsense" | "stray" | "twice";

const NETWORK = "10.67.0";
const FIRST_HOST = 10;
type Table = Readonly<Record<string, string>>;

/**
 * Serves `PUT /addresses/CONTAINER` and `DELETE` on the port, until it is killed. In `dir` are key.pem and ca.pem,
 * addresses.mode with an AddressMode, and addresses.json with what has been given out; writes `ready` when it listens.
 */
export function serveAddresses(port: number, dir: string, ready: string): Promise<never> {
  const [key, cert] = [readFileSync(join(dir, "key.pem")), readFileSync(join(dir, "ca.pem"))];
  const server = createServer({ key, cert }, (request, response) => answer(dir, request, response));
  return new Promise((_, reject) => {
    server.on("error", reject);
    server.listen(port, "0.0.0.0", () => writeFileSync(ready, ""));
  });
}

function answer(dir: string, { method, url = "" }: IncomingMessage, to: ServerResponse): void {
  const container = url.split("/").at(-1) ?? "";
  const table = givenAddresses(dir);
  if (method === "DELETE") {
    save(dir, Object.fromEntries(Object.entries(table).filter(([id]) => id !== container)));
    to.end("{}");
    return;
  }
  const given = give(modeIn(dir), table, container);
  if (given === undefined) return;
  if ("refusal" in given) {
    to.writeHead(409).end(given.refusal);
    return;
  }
  if (given.kept) save(dir, { ...table, [container]: given.address });
  const ips = [{ address: `${given.address}/24`, gateway: `${NETWORK}.1` }];
  to.end(JSON.stringify({ cniVersion: "1.0.0", ips, dns: {} }));
}

type Given = { readonly refusal: string } | { readonly address: string; readonly kept: boolean };

/** undefined: no answer. */
function give(mode: AddressMode, table: Table, container: string): Given | undefined {
  const taken = Object.values(table);
  switch (mode) {
    case "slow":
      return undefined;
    case "refuse":
      return { refusal: "team-c has no address left" };
    case "nonsense":
      return { address: `${NETWORK}.300`, kept: false };
    case "stray":
      return { address: `${NETWORK}.250`, kept: false };
    case "twice":
      return { address: taken[0] ?? "", kept: false };
    case "good": {
      const hosts = Array.from({ length: 100 }, (_each, at) => `${NETWORK}.${FIRST_HOST + at}`);
      const free = table[container] ?? hosts.find((address) => !taken.includes(address));
      return free === undefined ? { refusal: "all are taken" } : { address: free, kept: true };
    }
  }
}

/** The file with the AddressMode. */
export function modeFile(dir: string): string {
  return join(dir, "addresses.mode");
}

function modeIn(dir: string): AddressMode {
  const path = modeFile(dir);
  return existsSync(path) ? (readFileSync(path, "utf8") as AddressMode) : "good";
}

function tableFile(dir: string): string {
  return join(dir, "addresses.json");
}

/** The addresses that have been given out, by container. */
export function givenAddresses(dir: string): Table {
  const path = tableFile(dir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Table) : {};
}

function save(dir: string, table: Table): void {
  const path = tableFile(dir);
  writeFileSync(`${path}.new`, JSON.stringify(table));
  renameSync(`${path}.new`, path);
}
