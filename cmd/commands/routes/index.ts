import { CniError } from "../../../lib/cni/error";
import {
  collisionsOf,
  findingsOf,
  look as lookWith,
  removeRoutes,
} from "../../../lib/routes/apply";
import { carryOut, errorsOf, type RoutesView, unreadOf } from "../../../lib/routes/carry-out";
import type { Mark } from "../../../lib/net/mark";
import { linkCollisions } from "../../../lib/routes/conflicts/links";
import { takenAway } from "../../../lib/routes/plan/taken-away";
import { actionText, errorText } from "../../../lib/routes/text";
import {
  EXIT_COLLISION,
  EXIT_FAILED,
  EXIT_WRONG,
  outputFormat,
  ROUTER_FORMATS,
  type RunCommand,
  type Values,
} from "../../command";
import { findConf } from "../../conflist";
import { routesNode, type RoutesRun } from "./run";
import { healthByWatcher } from "../../../lib/routes/watch/watcher-lock";
import { agrees, canAsk } from "../../screen/ask";
import { painter } from "../../screen/paint";
import { withSignOfLife } from "../../screen/waiting";
import { changesOf, isBad, reportJson, type RoutesReport } from "./report";
import { lossText, reportText } from "./report-text";
import { printPainted } from "../../screen/painted";

const ACTIONS = {
  plan,
  apply,
  show,
  remove,
  watch: async (run: RoutesRun) => (await import("./watch")).watchCommand(run),
  "router-config": async ({ io, conf }: RoutesRun, { format = ROUTER_FORMATS[0] }: Values) =>
    (await import("./router-config")).routerConfigCommand(io, conf, format),
} as const;

export type RoutesAction = keyof typeof ACTIONS;

/**
 * `wrapper routes` with one of its actions. Returns 0 when all is good, 1 when something is wrong,
 * 3 when the plan collides with something foreign; throws when the node cannot be read.
 */
export function routesCommand(name: RoutesAction): RunCommand {
  return async (io, _positionals, values) => {
    if (name !== "router-config" && process.geteuid?.() !== 0)
      throw new CniError(
        "invalidEnvironment",
        "the node's rules and routes are root's: run it as root, for example with sudo",
      );
    const json = outputFormat(values) === "json";
    const { conf, path } = findConf(values.conf, name === "remove" ? "DEL" : "STATUS");
    const { sysctl = false, force = false, yes = false } = values;
    const node = routesNode(conf);
    return ACTIONS[name]({ io, conf, path, node, json, sysctl, force, yes }, values);
  };
}

/**
 * While a watcher runs, gateways count as it has them: otherwise each would undo what the other
 * does.
 */
async function look({ conf, node, sysctl }: RoutesRun): Promise<RoutesView> {
  return withSignOfLife("comparing the node with the conflist", async () => {
    return lookWith(conf, node, { sysctl, ...(await healthByWatcher(node.watcherLock)) });
  });
}

function collisionsIn({ conf, node }: RoutesRun, view: RoutesView) {
  return withSignOfLife("looking for collisions", () => collisionsOf(conf, node, view));
}

async function plan(run: RoutesRun): Promise<number> {
  const view = await look(run);
  const collisions = await collisionsIn(run, view);
  return print(run, {
    ...reportOf(run, withSysctls(view)),
    ...{
      collisions,
      takenAway: run.yes ? [] : takenAway(view.plan, view.record),
      heading: "changes",
    },
  });
}

// A setting that the plan changes is no problem of the plan.
function withSysctls(view: RoutesView): RoutesView {
  const written = new Map(
    view.actions.flatMap((action) =>
      action.kind === "sysctl" ? [[action.path, action.value]] : [],
    ),
  );
  return {
    ...view,
    state: { ...view.state, sysctl: (path) => written.get(path) ?? view.state.sysctl(path) },
  };
}

/** Runs the body as the only one that changes the node's routes; says so where it has to wait for another one. */
async function alone<T>({ conf, node }: RoutesRun, body: () => Promise<T>): Promise<T> {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const ended = node.lock.hold(conf.lockTimeoutMs, () => {
    begin();
    return body();
  });
  await withSignOfLife("waiting for another change of the routes to end", () =>
    Promise.race([begun, ended]),
  );
  return ended;
}

async function apply(run: RoutesRun): Promise<number> {
  const { conf, node, io, force } = run;
  return alone(run, async () => {
    if ((await node.watcherLock.watcher())?.keeps(conf) === false)
      throw watched(
        `keeps the routes of ${run.path} as it was when it was last read, or of another file: have it read the file again (systemctl reload tenant-routing-routes, or SIGHUP)`,
      );
    const view = await look(run);
    const collisions = await collisionsIn(run, view);
    if (collisions.length > 0 && !force) {
      const status = print(run, {
        ...reportOf(run, view),
        collisions,
        heading: "changes that were not made",
      });
      io.stderr(
        "wrapper routes: nothing was changed because of the collisions; --force goes ahead in spite of them\n",
      );
      return status;
    }
    const lost = takenAway(view.plan, view.record);
    if (lost.length > 0 && !run.yes) {
      const refused = await refuseLoss(run, view, lost);
      if (refused !== undefined) return refused;
    }
    const outcome = await withSignOfLife("changing the routes", () => carryOut(view, node));
    const after = await look(run);
    const report = {
      ...reportOf(run, after),
      actions: outcome.made,
      collisions,
      failures: errorsOf(outcome).map(errorText),
      heading: "changes made",
    };
    print(run, report);
    return isBad(report) ? EXIT_WRONG : 0;
  });
}

/** Asks whether every tenant may go. Returns the exit status where the answer is no or nobody can answer. */
async function refuseLoss(
  run: RoutesRun,
  view: RoutesView,
  lost: readonly Mark[],
): Promise<number | undefined> {
  const { io, conf } = run;
  const report = { ...reportOf(run, view), takenAway: lost, heading: "changes that were not made" };
  if (canAsk()) {
    io.stderr(lossText(report, painter(false)));
    if (await agrees("Take away every tenant?")) return undefined;
    io.stdout("nothing was changed\n");
    return EXIT_WRONG;
  }
  io.stdout(run.json ? reportJson(conf, report) : reportText(conf, report, painter(false)));
  io.stderr(
    "wrapper routes: nothing was changed: name the right file with --conf, or say --yes to take away every tenant\n",
  );
  return EXIT_FAILED;
}

async function show(run: RoutesRun): Promise<number> {
  const view = await look(run);
  const report = {
    ...reportOf(run, view),
    // A link in the way of one of ours is a difference that no change of ours would fix.
    collisions: linkCollisions(view.links),
    heading: "differences from the configuration, as the changes that would fix them",
  };
  print(run, report);
  return view.actions.length + report.collisions.length > 0 || isBad(report) ? EXIT_WRONG : 0;
}

async function remove(run: RoutesRun): Promise<number> {
  const { io, conf, node, json } = run;
  return alone(run, async () => {
    if (await node.watcherLock.isHeld())
      throw watched(
        "would put everything back: stop it first (systemctl stop tenant-routing-routes, or delete the DaemonSet)",
      );
    const actions = await withSignOfLife("taking back the routes", () => removeRoutes(conf, node));
    const commands = actions.map(actionText);
    if (json) io.stdout(`${JSON.stringify({ changes: changesOf(actions) }, null, 2)}\n`);
    else if (commands.length === 0) io.stdout("nothing to remove\n");
    else
      io.stdout(
        `changes made:\n${commands.map((command) => `  ${command}\n`).join("")}Packets that still carry a tenant's mark go by the node's default route now.\n`,
      );
    return 0;
  });
}

function watched(what: string): CniError {
  return new CniError("tryAgainLater", `wrapper routes watch is at work on this node, and ${what}`);
}

function reportOf({ conf, path }: RoutesRun, view: RoutesView): Omit<RoutesReport, "heading"> {
  return {
    conf: path,
    plan: view.plan,
    actions: view.actions,
    collisions: [],
    takenAway: [],
    findings: findingsOf(conf, view),
    failures: unreadOf(view).map(errorText),
  };
}

function print({ io, conf, json }: RoutesRun, report: RoutesReport): number {
  if (json) io.stdout(reportJson(conf, report));
  else printPainted(io, report, (shown, paint) => reportText(conf, shown, paint));
  if (report.collisions.length > 0) return EXIT_COLLISION;
  return isBad(report) ? EXIT_WRONG : 0;
}
