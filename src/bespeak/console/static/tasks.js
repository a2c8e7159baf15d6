// Runs that the server starts: what they are at, what went wrong, and a way to start one.

import { get, post } from "./api.js";
import { facts, h, show } from "./dom.js";
import { failure, load } from "./parts.js";
import { moment, say, seconds } from "./words.js";

const SHOWN = 5;
const AGAIN_MS = 2_000;
const busy = (task) => task.state === "queued" || task.state === "running";

function log(task) {
  const lines = h("div");
  const fetched = async () => h("pre", { lang: "en" }, (await get(`/v1/tasks/${task.id}`)).log.join("\n"));
  return h("details", { ontoggle: (event) => { if (event.target.open) load(lines, fetched); } },
    h("summary", null, say("tasks.log")), lines);
}

const line = (task) => h("li", { "data-state": task.state },
  h("p", null, h("span", null, moment(task.started ?? task.asked)),
    h("span", { class: "soft" }, facts(say(`task.${task.state}`), say(`task.why.${task.why}`),
      task.attempt > 1 ? say("tasks.attempt", { n: task.attempt }) : null)),
    task.seconds === null ? null : h("b", null, seconds(task.seconds))),
  task.state === "running" && task.step ? h("p", { class: "soft", lang: "en" }, task.step) : null,
  task.problem ? h("p", { class: "soft", lang: "en" }, task.problem.message) : null,
  task.started ? log(task) : null);

/** The latest ones; those at work are looked at again until they have ended. */
export async function tasks() {
  const place = h("div");
  const draw = (found) => {
    show(place,
      found.length ? h("ul", { class: "tasks" }, found.map(line)) : h("p", { class: "soft" }, say("tasks.none")),
      h("button", { type: "button", class: "button", disabled: found.some(busy), onclick: start }, say("tasks.start")));
    if (found.some(busy)) setTimeout(() => { if (place.isConnected) look(); }, AGAIN_MS);
  };
  const attempt = async (asking) => {
    try {
      await asking();
    } catch (error) {
      show(place, failure(error, look));
    }
  };
  const look = () => attempt(async () => draw((await get("/v1/tasks", { limit: SHOWN })).tasks));
  const start = () => attempt(async () => { await post("/v1/tasks", {}); await look(); });
  await look();
  return place;
}
