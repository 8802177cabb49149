import { flagsWithValue, kindOfValue, PROGRAMS, spellings, walk } from "./tree";
import type { CommandNode, OptionNode } from "./tree";

/**
 * A bash script that completes the words of `root`. Needs bash 4 and nothing else: the names are in
 * the script, so that no key starts the program.
 */
export function bashScript(root: CommandNode): string {
  const nodes = walk(root);
  const paths = nodes.slice(1).map(([names]) => `${names.length > 1 ? "" : "/"}${names.join("/")}`);
  return `# Completes wrapper in bash: source <(wrapper completion bash)
_wrapper() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local command="" word words options i
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $cur == = ]]; then cur=""; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${COMP_WORDS[i - 1]}" in ${flagsWithValue(root).join(" | ")}) continue ;; esac
    case "$command/$word" in
      ${paths.join(" | ")}) command=\${command:+$command/}$word ;;
    esac
  done
  case "$command $prev" in
${valueCases(nodes)}
  esac
  case "$command" in
${nodes.map(([names, node]) => wordsCase(names, node)).join("\n")}
  esac
  if [[ $cur == -* || ! $words ]]; then words=$options; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _wrapper ${PROGRAMS.join(" ")}
`;
}

/** For an option that takes a value: the values, instead of the words of the command. */
function valueCases(nodes: ReturnType<typeof walk>): string {
  const answers = new Map<string, string[]>();
  for (const [names, { options }] of nodes)
    for (const option of options.filter(({ value }) => value !== undefined)) {
      const answer = answerOf(option);
      const patterns = spellings(option).map((flag) => `"${names.join("/")} ${flag}"`);
      answers.set(answer, [...(answers.get(answer) ?? []), ...patterns]);
    }
  return [...answers]
    .map(
      ([answer, patterns]) =>
        `    ${patterns.join(" | ")})\n      ${answer}\n      return\n      ;;`,
    )
    .join("\n");
}

function answerOf(option: OptionNode): string {
  const reply = (how: string): string => `mapfile -t COMPREPLY < <(compgen ${how} -- "$cur")`;
  // compopt fails where no key was pressed, as in a test.
  const paths = (how: string): string =>
    `${reply(how)}\n      compopt -o filenames 2>/dev/null || true`;
  switch (kindOfValue(option)) {
    case "list":
      return reply(`-W "${option.choices.join(" ")}"`);
    case "file":
      return paths("-f");
    case "directory":
      return paths("-d");
    case "open":
      return ":";
  }
}

function wordsCase(names: readonly string[], { commands, choices, options }: CommandNode): string {
  const words = [...commands.map(({ name }) => name), ...choices];
  return `    "${names.join("/")}")
      words="${words.join(" ")}"
      options="${options.flatMap(spellings).join(" ")}"
      ;;`;
}
