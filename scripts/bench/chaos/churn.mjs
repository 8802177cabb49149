// Pods that come and go, each slot for itself, as a runtime handles them.
import { setTimeout as sleep } from "node:timers/promises";
import { call } from "./call.mjs";
import { startTraffic } from "./traffic.mjs";

/** Of the calls, so many are hurt. */
const HURT = 0.15;
const MOST_LIFE_MS = 2500;
const PAUSE_MS = 200;
/** Refusals are counted by how they begin. */
const SAID = 160;

/** Runs until run.over; then some pods are left, in run.live by their container IDs. */
export async function churn(world, run) {
  run.refuse = (verb, said) => {
    const about = `${verb} ${said.replace(/\s+/g, " ").replace(/[0-9a-f]{64}/g, "ID")}`;
    const key = about.slice(0, SAID);
    run.refusals[key] = (run.refusals[key] ?? 0) + 1;
  };
  await Promise.all(world.slots.map((slot) => live(world, run, slot)));
}

async function live(world, run, slot) {
  while (!run.over) {
    const id = world.newId();
    const outcome = await call(world.request(slot, "ADD", id), run, hurt(world));
    if (outcome.status === 0) {
      run.note("ADD");
      const pod = { slot };
      run.live.set(id, pod);
      startTraffic(pod);
      await sleep(Math.random() * MOST_LIFE_MS);
      if (run.over) return;
      run.live.delete(id);
      await world.delUntilDone(slot, id, run, hurt(world));
      startTraffic.stop(pod);
    } else {
      run.note(outcome.hurt ? "ADD hurt" : "ADD failed by itself");
      if (!outcome.hurt) run.refuse("ADD", outcome.said);
      await world.delUntilDone(slot, id, run, hurt(world));
    }
    run.note("DEL");
    slot.renew();
    await sleep(Math.random() * PAUSE_MS);
  }
}

function hurt({ plan }) {
  if (!plan.troubles.includes("hurt") || Math.random() >= HURT) return undefined;
  return Math.random() < 0.5 ? "launcher" : "program";
}
