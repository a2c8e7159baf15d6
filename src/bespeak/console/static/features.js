// A customer's numbers, in words and beside everybody else's.

import { h } from "./dom.js";
import { has, money, percent, pick, say, value, count, column } from "./words.js";

const best = (features, prefix, least) =>
  Object.entries(features).filter(([name, v]) => name.startsWith(prefix) && typeof v === "number" && v >= least)
    .map(([name, v]) => ({ name: name.slice(prefix.length), share: v })).sort((a, b) => b.share - a.share)[0];

/** Sentences that hold for this customer; each rests on features that are there. */
export function sentences(features, known) {
  const f = features;
  const of = new Map(known.map((feature) => [feature.name, feature]));
  const said = [];
  const is = (...names) => names.every((name) => typeof f[name] === "number");
  if (is("orders", "recency_days")) said.push(say(f.recency_days < 1 ? "words.orders.today" : "words.orders", { orders: count("orders", f.orders), days: count("days", f.recency_days) }));
  const gap = is("days_between_orders");
  if (gap) said.push(say(f.lateness >= 2 ? "words.late" : "words.gap", { days: value({ kind: "days" }, f.days_between_orders) }));
  if (is("basket_value")) said.push(say(`words.basket.${stance(of.get("basket_value"), f.basket_value)}`, { money: money(f.basket_value) }));
  const category = best(f, "category_share:", 0.2);
  if (category) said.push(say("words.category", { share: percent(category.share), category: category.name }));
  const part = ["night", "morning", "afternoon", "evening"].map((name) => ({ name, share: f[`${name}_share`] }))
    .filter((p) => p.share >= 0.5)[0];
  if (part) said.push(say(`words.${part.name}`, { share: percent(part.share) }));
  if (is("weekend_share") && f.weekend_share >= 0.5) said.push(say("words.weekend", { share: percent(f.weekend_share) }));
  const channel = best(f, "channel_share:", 0.6);
  if (channel && Object.keys(f).filter((n) => n.startsWith("channel_share:")).length > 1) said.push(say("words.channel", { share: percent(channel.share), channel: channel.name }));
  if (is("discount_share") && f.discount_share >= 0.05) said.push(say("words.discount", { share: percent(f.discount_share) }));
  if (is("return_rate") && f.return_rate >= 0.02) said.push(say("words.returns", { share: percent(f.return_rate) }));
  const trend = Object.keys(f).map((name) => name.match(/^spend_trend_(\d+)d$/)).filter((m) => m && typeof f[m[0]] === "number").sort((a, b) => a[1] - b[1])[0];
  if (trend) said.push(say(`words.trend.${f[trend[0]] > 0.15 ? "up" : f[trend[0]] < -0.15 ? "down" : "steady"}`, { n: trend[1] }));
  return said;
}

function stance(feature, v) {
  if (!feature?.quantiles.length) return "plain";
  const [, low, , high] = feature.quantiles;
  return v > high ? "high" : v < low ? "low" : "usual";
}

/** One feature as a row: what it means, its value, and where that stands among all customers. */
function row(feature, v) {
  const told = { "data-feature": feature.name };
  return h("li", told,
    h("span", { class: "meaning" }, has(`feature.${feature.name}`) ? say(`feature.${feature.name}`) : pick(feature.meaning)),
    h("b", { class: v === null ? "none" : null }, value(feature, v)),
    strip(feature, v));
}

function strip(feature, v) {
  if (typeof v !== "number" || feature.quantiles.length !== 5) return h("span", { class: "strip" });
  const [p10, p25, p50, p75, p90] = feature.quantiles;
  const low = Math.min(p10, v), high = Math.max(p90, v);
  if (high === low) return h("span", { class: "strip" });
  const at = (x) => `${((x - low) / (high - low)) * 100}%`;
  const share = [p10, p25, p50, p75, p90].filter((q) => v >= q).length;
  return h("span", { class: "strip", role: "img", "aria-label": say(`stands.${share}`), title: say(`stands.${share}`) },
    h("i", { class: "most", style: { left: at(p10), right: `calc(100% - ${at(p90)})` } }),
    h("i", { class: "half", style: { left: at(p25), right: `calc(100% - ${at(p75)})` } }),
    h("i", { class: "median", style: { left: at(p50) } }),
    h("i", { class: "here", style: { left: at(v) } }));
}

const FIRST = ["recency_days", "orders", "spend", "net_spend", "basket_value", "discount_share", "return_rate", "tenure_days"];

/** Features that say something, the familiar ones first; the rest behind a fold. */
export function featureList(features, known) {
  const there = known.filter((feature) => feature.name in features);
  const first = [...FIRST.map((name) => there.find((f) => f.name === name)).filter(Boolean)];
  const rest = there.filter((f) => !first.includes(f));
  const head = first.length ? first : rest.splice(0, 8);
  return h("div", { class: "features" },
    h("ul", null, head.map((f) => row(f, features[f.name]))),
    rest.length ? h("details", null, h("summary", null, say("features.more", { n: rest.length })), h("ul", null, rest.map((f) => row(f, features[f.name])))) : null,
    h("p", { class: "soft key" }, say("features.key")));
}

export const attribute = (name) => (has(`attribute.${name}`) ? say(`attribute.${name}`) : column(name));
