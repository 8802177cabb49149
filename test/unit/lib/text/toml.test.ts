import { tomlStrings } from "../../../../lib/text/toml";

const entries = (text: string) => Object.fromEntries(tomlStrings(text));

test("strings and lists of strings by their full key", () => {
  expect(
    entries(`
version = 3
imports = ['/etc/a/*.toml', "/etc/b.toml"] # more

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [
    "/opt/cni/bin", # the usual one
    '/usr/lib/cni',
  ]
  conf_dir = "/etc/cni/net.d"   # here
  max_conf_num = 1
[ plugins . "a.b" ]
x.y = "1"
  `),
  ).toEqual({
    imports: ["/etc/a/*.toml", "/etc/b.toml"],
    "plugins.io.containerd.cri.v1.runtime.cni.bin_dirs": ["/opt/cni/bin", "/usr/lib/cni"],
    "plugins.io.containerd.cri.v1.runtime.cni.conf_dir": ["/etc/cni/net.d"],
    "plugins.a.b.x.y": ["1"],
  });
});

test.each([
  ["a number", "a = 1"],
  ["a list of numbers", "a = [1, 2]"],
  ["a list that does not end", 'a = ["x",'],
  ["a comment", '# a = "x"'],
  ["a string that does not end", 'a = "x'],
])("%s is passed over", (_, text) => {
  expect(entries(text)).toEqual({});
});

test("escaped quotes and backslashes", () => {
  expect(entries(String.raw`a = "x\"y\\z"`)).toEqual({ a: [String.raw`x"y\z`] });
});
