/** In a chroot into a plain directory `ip netns exec` cannot work: everything that needs it says so, with a remedy that helps. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(__dirname, "../..");

let dir = "";
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "chroot-"))));
// What was made in it was on a file system of the mount namespace.
afterAll(() => rmdirSync(dir));

/** All of this machine's directories in one that is no mount point, in a mount namespace that ends with the script. */
function inChroot(script: string): { readonly status: number | null; readonly text: string } {
  const build = `dir=$1; mount -t tmpfs none "$dir"; dir=$dir/root; mkdir "$dir"
    for each in /*; do
      if [ -L "$each" ]; then cp -P "$each" "$dir$each"; elif [ -d "$each" ]; then mkdir "$dir$each"; mount --rbind "$each" "$dir$each"; fi
    done
    ${script}`;
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["--mount", "--propagation", "slave", "sh", "-ec", build, "sh", dir],
    { encoding: "utf8" },
  );
  return { status, text: `${stdout}${stderr}` };
}

const REMEDY =
  /^(demo|lab|wrapper lab): \/ is not a mount point .* leave the chroot and bind its directory on itself, mount --rbind DIR DIR, then chroot DIR again\n$/;

test.each(["scripts/demo.sh", "scripts/lab.sh vpn", "dist/wrapper lab vpn"])(
  "%s says so at once",
  (command) => {
    const { status, text } = inChroot(`exec chroot "$dir" ${ROOT}/${command}`);
    expect(text).toMatch(REMEDY);
    expect(status).toBe(2);
  },
);

test("with the remedy that it names the lab works", () => {
  const { status, text } = inChroot(
    `mount --rbind "$dir" "$dir"; exec chroot "$dir" ${ROOT}/dist/wrapper lab vpn --verify`,
  );
  expect(text).toMatch(/\n\d+ passed, 0 failed\n$/);
  expect(status).toBe(0);
});
