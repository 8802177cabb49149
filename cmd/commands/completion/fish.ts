import { flagsWithValue, kindOfValue, PROGRAMS, walk } from "./tree";
import type { CommandNode, OptionNode } from "./tree";

/** A fish script that completes the words of `root`. */
export function fishScript(root: CommandNode): string {
  const nodes = walk(root);
  const [program, ...others] = PROGRAMS;
  const paths = nodes.slice(1).map(([names]) => `${names.length > 1 ? "" : "/"}${names.join("/")}`);
  return `# Completes wrapper in fish: wrapper completion fish | source
function __wrapper_at --description 'True when the command so far is the one that is named'
    set -l command
    set -l previous
    for word in (commandline -opc)[2..]
        if not contains -- "$previous" ${flagsWithValue(root).join(" ")}
            switch "$command/$word"
                case ${paths.join(" ")}
                    set command (string join / $command $word)
            end
        end
        set previous $word
    end
    test "$command" = "$argv"
end
complete -c ${program} -f
${nodes.flatMap(([names, node]) => linesOf(program, names, node)).join("\n")}
${others.map((other) => `complete -c ${other} -w ${program}`).join("\n")}
`;
}

function linesOf(program: string, names: readonly string[], node: CommandNode): readonly string[] {
  const start = `complete -c ${program} -n '__wrapper_at ${names.join("/")}'`;
  return [
    ...node.commands.map(
      ({ name, description }) => `${start} -a ${name} -d ${quoted(description)}`,
    ),
    ...(node.choices.length === 0 ? [] : [`${start} -a '${node.choices.join(" ")}'`]),
    ...node.options.map((option) => `${start} ${optionText(option)}`),
  ];
}

function optionText(option: OptionNode): string {
  const { short, long, description } = option;
  const flags = [...(short === undefined ? [] : [`-s ${short.slice(1)}`]), `-l ${long.slice(2)}`];
  const value = option.value === undefined ? [] : [valueText(option)];
  return [...flags, ...value, `-d ${quoted(description)}`].join(" ");
}

function valueText(option: OptionNode): string {
  switch (kindOfValue(option)) {
    case "list":
      return `-x -a '${option.choices.join(" ")}'`;
    case "file":
      return "-r -F";
    case "directory":
      return "-x -a '(__fish_complete_directories)'";
    case "open":
      return "-x";
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
