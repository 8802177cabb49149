/** Pure: figures and names in few characters. */
import { printable } from "../../../text/printable";

/** `0`, `3.4`, `120`, `1.2k`, `3.4M`. */
export function figure(value: number): string {
  if (value >= 999_950) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 999.5) return `${(value / 1000).toFixed(1)}k`;
  return value >= 9.95 || value === 0 ? value.toFixed(0) : value.toFixed(1);
}

/** Packets a second; a dash where nobody counts them. */
export function rate(value: number | null): string {
  return value === null ? "-" : `${figure(value)} packets/s`;
}

/** Foreign text, with what is invisible or turns the direction made visible. */
export function clean(text: string): string {
  return printable(text).replaceAll("\n", " ");
}

/** At most so many characters; the middle goes first, for both ends of a pod's name tell it from others. */
export function shortened(text: string, most: number): string {
  const characters = [...clean(text)];
  if (characters.length <= most) return characters.join("");
  const tail = Math.floor((most - 1) / 2);
  const head = most - 1 - tail;
  return `${characters.slice(0, head).join("")}\u2026${characters.slice(-tail).join("")}`;
}

/** `12:03:44`, by the browser's clock. */
export function timeOfDay(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour12: false });
}

/** `1 pod`, `2 pods`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
