// The report: the last run's evaluation, whole.

import { get } from "../api.js";
import { h } from "../dom.js";
import { card, empty, heading } from "../parts.js";
import { report } from "../report.js";
import { pick, say, zh } from "../words.js";

/** Segments by the names that the reader knows them by. */
async function withNames(evaluation) {
  const { groupings } = await get("/v1/segments");
  const names = new Map(groupings.flatMap((grouping) => grouping.segments).map((segment) => [segment.id, pick(segment.name)]));
  const named = (part) => (part.by === "segment" && names.has(part.label) ? { ...part, label: names.get(part.label) } : part);
  return { ...evaluation, models: evaluation.models.map((model) => ({ ...model, slices: model.slices.map(named) })) };
}

export async function page() {
  const evaluation = await get("/v1/evaluation").catch((error) => { if (error.code === "NotFound") return null; throw error; });
  const back = h("p", { class: "back" }, h("a", { href: "/console/recommendations" }, `← ${say("page.recommendations")}`));
  if (!evaluation) return { title: say("report.name"), body: [back, heading(say("report.name"), say("evaluation.title")), card(null, null, empty(say("evaluation.none"), say("evaluation.none.next")))] };
  return { title: say("report.name"), body: [back, ...report(await withNames(evaluation), { eyebrow: say("report.name"), lead: [zh ? "" : " ", pick(evaluation.split), zh ? "" : " ", pick(evaluation.why)] })] };
}
