import { kindOfValue, PROGRAMS, walk, type CommandNode, type OptionNode } from "./tree";

/** A zsh script that completes the words of `root`, for a directory of $fpath or to be sourced. */
export function zshScript(root: CommandNode): string {
  return `#compdef ${PROGRAMS.join(" ")}
# Completes wrapper in zsh: source <(wrapper completion zsh), after compinit.
${walk(root)
  .map(([names, node]) => functionText(names, node))
  .join("\n")}
# Run as a completion when it was found in $fpath; else it was sourced.
if [[ $funcstack[1] == _wrapper ]]; then _wrapper "$@"; else compdef _wrapper ${PROGRAMS.join(" ")}; fi
`;
}

function functionText(names: readonly string[], node: CommandNode): string {
  const name = functionName(names);
  const options = node.options.map(optionText);
  if (node.commands.length === 0) {
    const values = node.choices.length === 0 ? [] : [`'1:value:(${node.choices.join(" ")})'`];
    return `${name}() {\n  _arguments \\\n    ${[...options, ...values].join(" \\\n    ")}\n}`;
  }
  return `${name}() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a names=(
${node.commands.map((each) => `    ${quoted(`${each.name}:${each.description}`)}`).join("\n")}
  )
  _arguments -C \\
    ${[...options, "'1: :->name'", "'*:: :->rest'"].join(" \\\n    ")}
  case $state in
    name) _describe -t commands command names ;;
    rest)
      case $line[1] in
${node.commands.map((each) => `        ${each.name}) ${functionName([...names, each.name])} ;;`).join("\n")}
      esac
      ;;
  esac
}`;
}

function optionText(option: OptionNode): string {
  const { short, long, description } = option;
  const takes = option.value === undefined ? "" : `:${option.value}:${valueText(option)}`;
  const text = quoted(`[${description.replace(/[\\[\]:]/g, "\\$&")}]${takes}`);
  const [plus, equals] = option.value === undefined ? ["", ""] : ["+", "="];
  if (short === undefined) return `${long}${equals}${text}`;
  return `'(${short} ${long})'{${short}${plus},${long}${equals}}${text}`;
}

function valueText(option: OptionNode): string {
  switch (kindOfValue(option)) {
    case "list":
      return `(${option.choices.join(" ")})`;
    case "file":
      return "_files";
    case "directory":
      return "_directories";
    case "open":
      return " ";
  }
}

function functionName(names: readonly string[]): string {
  return ["_wrapper", ...names].join("_");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
