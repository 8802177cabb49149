import { commandsIn } from "../../helpers/shell-words";

test.each([
  ["wrapper status   # and not jq", ["wrapper"]],
  ["# jq", []],
  ["cat x | sed 's/(jq | y)/z/' && mv a b; ls", ["cat", "sed", "mv", "ls"]],
  ["IN=$(ip -o route get 1 | sed 's/.* \\([^ ]*\\)/\\1/')", ["ip", "sed"]],
  ['[ -z "$(ip netns pids "${x##*/}")" ] && echo "$(a $(b))"', ["ip", "b", "a", "[", "echo"]],
  ["for x in *; do /opt/cni/bin/wrapper gc; done", ["wrapper"]],
  ["A=1 B=2 jq . <file 2>/dev/null >out", ["jq"]],
])("%s", (text, expected) => {
  expect([...commandsIn(text)].sort()).toEqual([...expected].sort());
});
