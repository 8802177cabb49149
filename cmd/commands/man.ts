/** Pure: the manual page of the command line. */
import { walk, type CommandNode } from "./completion/tree";

/** The page in the language of man(7), section 8. `date`: of the build, YYYY-MM-DD and more; without one it has none. */
export function manPage(root: CommandNode, date: string): string {
  const [day = ""] = /^\d{4}-\d\d-\d\d/.exec(date) ?? [];
  return [
    `.TH WRAPPER 8 "${day}" "tenant-routing-wrapper" "System administration"`,
    ".SH NAME",
    text(`${root.name} - ${root.description}`),
    ".SH SYNOPSIS",
    `.B ${text(root.name)}`,
    text(root.usage),
    ".SH DESCRIPTION",
    text(
      "Run by a container runtime (CNI_COMMAND set, no arguments), the binary is the CNI plugin.",
    ),
    text("With arguments it is the command line described here."),
    ".SH COMMANDS",
    ...walk(root)
      .filter(([names]) => names.length > 0 && names[0] !== "help")
      .flatMap(([names, node]) => section([root.name, ...names], node)),
    ".SH EXIT STATUS",
    text(`${capital(root.statuses)}; a command that says otherwise has it in its section.`),
    "",
  ].join("\n");
}

function section(names: readonly string[], node: CommandNode): readonly string[] {
  return [
    `.SS ${text(names.join(" "))} ${text(node.usage)}`,
    text(`${capital(node.description)}.`),
    ...node.options.flatMap(({ short, long, value, description, choices }) => [
      ".TP",
      `.B ${text([short, long].filter((each) => each !== undefined).join(", "))}${value === undefined ? "" : ` ${text(value)}`}`,
      text(choices.length === 0 ? description : `${description}: ${choices.join(", ")}`),
    ]),
    ...node.examples.flatMap(({ call, about }) => [".TP", `.B ${text(call)}`, text(about)]),
    ".PP",
    text(`Exit status: ${node.statuses}.`),
  ];
}

/** Backslashes, dashes and a dot at the start mean something to man(7). */
function text(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/, "\\&");
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
