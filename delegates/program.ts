/** Whether the kernel can start a plugin's file. execvp(3) gives any other file to /bin/sh, as root. */
import { closeSync, openSync, readSync } from "node:fs";
import { reasonOf } from "../lib/text/reason";

/** Offset of an ELF header's e_machine (2 bytes) in the byte order of the machines below. */
const MACHINE_AT = 18;
const HEAD_BYTES = 256;
/** e_machine by our own architecture, its 32-bit sibling included; another one is not judged. */
const MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };

/** Returns why the file is no program; undefined for an ELF program of this machine or a script with `#!`. */
export function programProblem(path: string): string | undefined {
  let head: Buffer;
  try {
    head = readHead(path);
  } catch (error) {
    return `cannot be read (${reasonOf(error)})`;
  }
  if (head.length === 0) return "is empty";
  if (isElf(head))
    return isForUs(head)
      ? undefined
      : `is a program for another kind of machine, not for ${process.arch}`;
  return isScript(head)
    ? undefined
    : 'is neither an ELF program nor a script that begins with "#!" and an absolute path';
}

function readHead(path: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(path, "r");
  try {
    return head.subarray(0, readSync(fd, head));
  } finally {
    closeSync(fd);
  }
}

function isElf(head: Buffer): boolean {
  return head.toString("latin1", 0, 4) === "\u007fELF";
}

function isForUs(head: Buffer): boolean {
  const machines = MACHINES[process.arch];
  return (
    machines === undefined ||
    (head.length >= MACHINE_AT + 2 && machines.includes(head.readUInt16LE(MACHINE_AT)))
  );
}

// The kernel refuses "#!" without an interpreter, and would look for a relative one in our working directory.
function isScript(head: Buffer): boolean {
  return /^#![ \t]*\/[^\s\0]/.test(head.toString("latin1"));
}
