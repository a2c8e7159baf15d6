// Overview: what came in, what became of it, and what is known now.

import { get } from "../api.js";
import { chart, colour } from "../chart.js";
import { facts, h, icon } from "../dom.js";
import { account, card, heading, meter, modelName, stat, stats, totalAccount } from "../parts.js";
import { tasks } from "../tasks.js";
import { compact, count, currencySign, day, dayNamed, has, money, moneyShort, moment, named, number, say, seconds, zh } from "../words.js";

const DAY = 86_400_000;

/** A step is named after what it makes, after a model, or after a source or file of the shop. */
const stepName = (name) => (has(`step.${name}`) ? say(`step.${name}`) : has(`model.${name}`) ? say(`model.${name}`) : name);

function flow(stages) {
  const names = [...new Set(stages.map((stage) => stage.stage))];
  return h("ol", { class: "flow" }, names.map((name) => {
    const steps = stages.filter((stage) => stage.stage === name);
    const fresh = steps.filter((step) => step.state !== "kept");
    const rows = steps.map((step) => step.rows).filter((n) => n !== null);
    const spent = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
    return h("li", { class: fresh.length ? "done" : "kept" },
      h("span", { class: "knot", "aria-hidden": "true" }),
      h("p", { class: "name" }, named("stage", name)),
      h("p", { class: "count" }, rows.length ? compact(rows.reduce((a, b) => a + b, 0)) : "–", h("small", null, " ", say("stage.rows"))),
      h("p", { class: "soft" }, fresh.length ? seconds(spent) : say("state.kept")),
      h("details", null, h("summary", null, count("steps", steps.length)),
        h("ul", null, steps.map((step) => h("li", null,
          h("span", { class: "step" }, stepName(step.name)),
          h("span", { class: "soft" }, facts(step.rows === null ? null : count("rows", step.rows), step.state === "kept" ? say("state.kept") : seconds(step.seconds))))))));
  }));
}

/** Every day from first to last: a day without sales sold nothing. Seven-day means beside it. */
function series(days) {
  const known = new Map(days.map((d) => [Date.parse(d.day), d]));
  const [first, last] = [Date.parse(days[0].day), Date.parse(days.at(-1).day)];
  const all = [];
  for (let at = first; at <= last; at += DAY) all.push({ at, sales: known.get(at)?.sales ?? 0, orders: known.get(at)?.orders ?? 0 });
  return all.map((d, i) => {
    const week = all.slice(Math.max(0, i - 6), i + 1);
    return { day: d.at, sales: d.sales, mean: week.length === 7 ? week.reduce((sum, w) => sum + w.sales, 0) / 7 : null,
             [say("day")]: dayNamed(d.at), [say("sales")]: money(d.sales), [say("orders.title")]: number(d.orders) };
  });
}

function sales(days) {
  const values = series(days);
  const tooltip = [say("day"), say("sales"), say("orders.title")].map((field) => ({ field, type: "nominal" }));
  const long = values.length > 400;
  const format = zh ? (long ? "%Y年%-m月" : "%-m月%-d日") : long ? "%b %Y" : "%-d %b";
  const x = { field: "day", type: "temporal", scale: { type: "utc" }, axis: { title: null, format, tickCount: 6, labelFlush: true, labelOverlap: true } };
  const sign = currencySign();
  return chart(say("sales.chart", { first: day(days[0].day), last: day(days.at(-1).day) }), 230, () => ({
    data: { values },
    encoding: { x },
    layer: [
      { mark: { type: "bar", color: colour("thread-faint"), width: { band: 0.86 } },
        encoding: { x: { ...x, timeUnit: "utcyearmonthdate", bandPosition: 0 }, y: { field: "sales", type: "quantitative", axis: { title: sign ? `${say("sales")}, ${sign}` : say("sales"), format: "~s", tickCount: 4, labelExpr: "datum.value === 0 ? '0' : datum.label" } }, tooltip } },
      { transform: [{ filter: "isValid(datum.mean)" }], mark: { type: "line", color: colour("thread"), strokeWidth: 2, interpolate: "monotone" },
        encoding: { x: { ...x, timeUnit: "utcyearmonthdate" }, y: { field: "mean", type: "quantitative" } } },
    ],
  }));
}

const health = (entries) => h("ul", { class: "health" }, entries.map((entry) =>
  h("li", { class: entry.state },
    h("span", { class: "light", role: "img", "aria-label": say(`health.${entry.state}`) }, icon(entry.state === "good" ? "check" : "close")),
    h("span", null, h("b", null, say(`health.${entry.code}`)), h("small", { class: "soft" }, say("of", { n: number(entry.rows), of: number(entry.of) }))),
    meter(entry.share, entry.state))));

const runs = (entries) => h("ul", { class: "runs" }, entries.slice(0, 5).map((run) =>
  h("li", null, h("span", null, moment(run.at)), h("span", { class: "soft" }, run.changed === false ? say("run.unchanged") : run.made === undefined || run.made === null ? say("run.done") : count("run.made", run.made)), h("b", null, seconds(run.seconds)))));

function mix(title, counts) {
  const entries = Object.entries(counts).slice(0, 6);
  const most = Math.max(...entries.map(([, n]) => n));
  return h("div", { class: "mix" }, h("h3", null, title), h("ul", { class: "bars" }, entries.map(([name, n]) =>
    h("li", null, h("span", null, named("type", name)), h("span", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${(n / most) * 100}%` } })), h("b", null, compact(n))))));
}

export async function page(about) {
  const [data, evaluation, started] = await Promise.all([get("/v1/data"), get("/v1/evaluation").catch(() => null), tasks()]);
  const t = about.totals;
  return {
    title: say("page.overview"),
    body: [
      heading(say("page.overview"), about.name, t.first ? say("overview.lead", { first: day(t.first), last: day(t.last) }) : say("overview.none")),
      about.stages.length ? card(say("flow.title"), say("flow.note"), flow(about.stages)) : null,
      data.sources.length ? card(say("account"), say("account.note"), account(totalAccount(data.sources))) : null,
      stats(stat(say("customers"), compact(t.customers)), stat(say("products"), compact(t.products)),
        stat(say("orders.title"), compact(t.orders)), stat(say("sales"), moneyShort(t.sales), say("sales.net")),
        evaluation ? stat(say("served"), h("span", { class: "text" }, modelName(evaluation.served))) : stat(say("events"), compact(t.events))),
      about.days.length > 1 ? card(say("sales.title"), say("sales.note"), sales(about.days)) : null,
      h("div", { class: "pair" },
        card(say("health.title"), say("health.note"), health(about.health)),
        h("div", { class: "stack" },
          card(say("runs.title"), null, about.runs.length ? runs(about.runs) : h("p", { class: "soft" }, say("runs.none"))),
          card(say("tasks.title"), say("tasks.note"), started),
          card(say("events"), number(t.events), mix(say("by.type"), t.types), Object.keys(t.channels).length > 1 ? mix(say("by.channel"), t.channels) : null))),
    ],
  };
}

