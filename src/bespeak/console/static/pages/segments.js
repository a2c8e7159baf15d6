// Segments: how the customers divide, what sets each part apart, and who is in it.

import { get, path } from "../api.js";
import { chart, colour } from "../chart.js";
import { facts, h, show } from "../dom.js";
import { card, choices, customerTable, empty, heading, load, shown } from "../parts.js";
import { count, day, fixed, moneyShort, number, percent, pick, say } from "../words.js";

const remember = (values) => {
  const here = new URL(location.href);
  for (const [key, value] of Object.entries(values)) value === null ? here.searchParams.delete(key) : here.searchParams.set(key, value);
  history.replaceState(null, "", here);
};

/** Five by five: how lately across, how often up; the darker, the more customers. */
function map(grouping, choose) {
  const most = Math.max(1, ...grouping.cells.map((cell) => cell.customers));
  const names = new Map(grouping.segments.map((segment) => [segment.id, pick(segment.name)]));
  const cells = [];
  for (let frequency = 5; frequency >= 1; frequency--)
    for (let recency = 1; recency <= 5; recency++) {
      const cell = grouping.cells.find((c) => c.recency === recency && c.frequency === frequency);
      const strength = cell?.customers ? 0.1 + 0.46 * Math.sqrt(cell.customers / most) : 0;
      const label = cell ? [names.get(cell.segment), count("customers.n", cell.customers), cell.value === null ? null : say("rfm.value", { money: moneyShort(cell.value) })].filter(Boolean).join(", ") : say("rfm.nobody");
      cells.push(h("button", {
        type: "button", class: "cell", "data-segment": cell?.segment ?? null, title: label, disabled: !cell?.customers,
        "aria-label": say("rfm.cell", { recency, frequency, label }), style: { "--strength": `${Math.round(strength * 100)}%` }, onclick: () => choose(cell.segment),
      }, cell?.customers ? number(cell.customers) : ""));
    }
  return h("div", { class: "rfm" },
    h("p", { class: "axis up" }, say("rfm.often")), h("div", { class: "grid" }, cells),
    h("p", { class: "axis" }, h("span", null, say("rfm.long")), h("span", null, say("rfm.lately"))));
}

const CURVES = [["inertia", "inertia"], ["silhouette", "silhouette"], ["stability", "stability"]];

function curve(grouping, field) {
  const values = grouping.curve.filter((point) => point[field] !== null).map((point) => ({
    k: point.k, v: point[field], chosen: point.k === grouping.k, [say("kmeans.k")]: number(point.k),
    [say(`curve.${field}`)]: field === "inertia" ? number(point[field]) : fixed(point[field], 3),
  }));
  if (values.length < 2) return null;
  const tooltip = [say("kmeans.k"), say(`curve.${field}`)].map((name) => ({ field: name, type: "nominal" }));
  const x = { field: "k", type: "quantitative", axis: { title: say("kmeans.k"), tickMinStep: 1, format: "d", values: values.map((v) => v.k), labelOverlap: true }, scale: { nice: false, zero: false, padding: 12 } };
  const y = { field: "v", type: "quantitative", scale: { zero: field === "inertia" }, axis: { title: null, tickCount: 4, format: field === "inertia" ? "~s" : ".2f", labelExpr: "datum.value === 0 ? '0' : datum.label" } };
  return h("figure", { class: "curve" },
    h("figcaption", null, h("b", null, say(`curve.${field}`)), h("small", { class: "soft" }, say(`curve.${field}.note`))),
    chart(say("curve.label", { name: say(`curve.${field}`), k: grouping.k ?? "" }), 170, () => ({
      data: { values },
      layer: [
        ...(values.some((point) => point.chosen) ? [{ transform: [{ filter: "datum.chosen" }], mark: { type: "rule", color: colour("brass-line"), strokeDash: [3, 3], strokeWidth: 1.5 }, encoding: { x } }] : []),
        { mark: { type: "line", color: colour("thread"), strokeWidth: 2 }, encoding: { x, y } },
        { mark: { type: "point", filled: true, opacity: 1, size: 55 }, encoding: { x, y, tooltip, color: { condition: { test: "datum.chosen", value: colour("brass-line") }, value: colour("thread") } } },
      ],
    })));
}

function sizes(grouping, choose) {
  const most = Math.max(1, ...grouping.segments.map((segment) => segment.customers));
  const all = grouping.segments.reduce((sum, segment) => sum + segment.customers, 0);
  const money_ = grouping.segments.reduce((sum, segment) => sum + (segment.value ?? 0), 0);
  return h("ul", { class: "segments" }, grouping.segments.map((segment) => h("li", null,
    h("button", { type: "button", "data-segment": segment.id, "aria-pressed": "false", onclick: () => choose(segment.id) },
      h("span", { class: "name" }, pick(segment.name)),
      h("span", { class: "size" }, h("b", null, number(segment.customers)), h("small", null, percent(segment.share ?? segment.customers / (all || 1)))),
      h("span", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${(segment.customers / most) * 100}%` } })),
      h("span", { class: "says" }, pick(segment.description)),
      segment.value !== null && money_ > 0 ? h("span", { class: "worth soft" }, say("segment.worth", { money: moneyShort(segment.value), share: percent(segment.value / money_) })) : null))));
}

function members(kind, segment, about) {
  const place = h("div", { "aria-live": "polite" });
  load(place, async () => {
    const found = await get(path("v1", "segments", kind, segment.id), { limit: 50 });
    return found.customers.length
      ? [h("p", { class: "note" }, facts(shown(found.customers.length, found.total, "customers.found"), say("members.order"))), customerTable(found.customers, about.as_of, pick(segment.name))]
      : empty(say("members.none"));
  });
  return card(pick(segment.name), pick(segment.description), place);
}

export async function page(about) {
  const answer = await get("/v1/segments");
  const title = say("page.segments");
  const head = heading(title, say("segments.title"), say("segments.lead", { customers: count("customers.n", about.totals.customers), day: day(about.totals.last) }));
  const known = answer.groupings.filter((grouping) => grouping.segments.length);
  if (!known.length) return { title, body: [head, empty(say("segments.none"), say("segments.none.next"))] };
  const asked = new URLSearchParams(location.search);
  const place = h("div");

  function open(kind, segmentId, move) {
    const grouping = known.find((g) => g.kind === kind) ?? known[0];
    const below = h("div", { class: "members" });
    const choose = (id, scroll = true) => {
      const segment = grouping.segments.find((candidate) => candidate.id === id);
      if (!segment) return;
      for (const button of place.querySelectorAll("[data-segment]")) {
        if (button.classList.contains("cell")) button.classList.toggle("chosen", button.dataset.segment === id);
        else button.setAttribute("aria-pressed", String(button.dataset.segment === id));
      }
      remember({ kind: grouping.kind, segment: id });
      show(below, members(grouping.kind, segment, about));
      if (scroll) below.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "nearest" });
    };
    const curves = CURVES.map(([field]) => curve(grouping, field)).filter(Boolean);
    show(place,
      h("div", { class: grouping.cells.length ? "sided map" : "" },
        card(say("segments.sizes"), say("segments.click"), sizes(grouping, choose)),
        grouping.cells.length ? card(say("rfm.title"), say("rfm.note"), map(grouping, choose)) : null),
      curves.length ? card(count("kmeans.title", grouping.k ?? grouping.segments.length), pick(grouping.why), h("div", { class: "curves" }, curves)) : null,
      below);
    remember({ kind: grouping.kind, segment: null });
    if (segmentId) choose(segmentId, move);
  }

  const first = known.some((g) => g.kind === asked.get("kind")) ? asked.get("kind") : known[0].kind;
  open(first, asked.get("segment"), false);
  return {
    title,
    body: [head, known.length > 1 ? choices(say("segments.kinds"), known.map((g) => ({ key: g.kind, label: pick(g.name) })), first, (kind) => open(kind)) : null, place],
  };
}
