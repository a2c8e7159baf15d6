// What pages are made of.

import { facts, h, icon, show } from "./dom.js";
import { before, compact, count, has, money, moneyShort, named, number, percent, pick, say } from "./words.js";

export const heading = (eyebrow, title, ...lead) =>
  h("header", { class: "heading" },
    h("p", { class: "eyebrow" }, eyebrow), h("h1", null, title), lead.length ? h("p", { class: "lead" }, lead) : null);

export const card = (title, note, ...children) =>
  h("section", { class: "card" },
    title ? h("div", { class: "cardhead" }, h("h2", null, title), note ? h("p", { class: "soft" }, note) : null) : null,
    children);

export const chip = (text, kind) => h("span", { class: `chip ${kind ?? ""}` }, text);

export const stat = (label, value, note) =>
  h("div", { class: "stat" }, h("dt", null, label), h("dd", null, h("b", null, value), note ? h("small", null, note) : null));

export const stats = (...entries) => h("dl", { class: "stats" }, entries);

export const empty = (title, hint) =>
  h("div", { class: "empty" }, h("p", null, title), hint ? h("p", { class: "soft" }, hint) : null);

export const waiting = () =>
  h("div", { class: "skeleton", "aria-hidden": "true" }, h("i", { class: "line" }), h("i", { class: "line" }), h("i", { class: "line short" }));

/** What went wrong, in the reader's words, and what can be done. */
export function failure(error, again) {
  const code = error.code && has(`error.${error.code}`) ? error.code : "Internal";
  return h("div", { class: "empty failed", role: "alert" },
    h("p", null, say(`error.${code}`)), h("p", { class: "soft" }, say(`error.${code}.next`)),
    code === "NotFound" ? h("a", { class: "button", href: "/console/customers" }, say("page.customers"))
    : again ? h("button", { type: "button", class: "button", onclick: again }, say("again")) : null);
}

/** Fill `place` with what `make` comes to; meanwhile a skeleton, and on failure a way to try again. */
export async function load(place, make) {
  show(place, waiting());
  place.setAttribute("aria-busy", "true");
  try {
    show(place, await make());
  } catch (error) {
    if (!error.code) console.error(error);
    show(place, failure(error, () => load(place, make)));
  }
  place.setAttribute("aria-busy", "false");
}

/** A table that becomes a list of cards on a phone. columns: {label, note, cell(row), number, main} */
export function table(columns, rows, caption) {
  return h("div", { class: "scroll" },
    h("table", { class: "rows" },
      h("caption", { class: "unseen" }, caption),
      h("thead", null, h("tr", null, columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null, title: c.note ?? null }, c.label)))),
      h("tbody", null, rows.map((row) => h("tr", null, columns.map((c) =>
        h(c.main ? "th" : "td", { scope: c.main ? "row" : null, class: c.number ? "number" : c.main ? "main" : null, "data-label": c.main ? null : c.label },
          c.cell(row))))))));
}

/** Parts of a whole as one bar and its legend. parts: {label, n, kind} */
export function shares(parts, whole, label) {
  const shown = parts.filter((part) => part.n > 0);
  return h("div", { class: "shares" },
    h("div", { class: "bar", role: "img", "aria-label": `${label}: ${shown.map((p) => `${p.label} ${number(p.n)}`).join(", ")}` },
      shown.map((part) => h("i", { class: part.kind, style: { "flex-grow": part.n / (whole || 1) } }))));
}

/** rows in = kept + merged + quarantined + erased, as a bar and as arithmetic that is checked here. */
export function account(a) {
  const quarantined = Object.values(a.quarantined).reduce((sum, n) => sum + n, 0);
  const parts = [
    { label: say("account.kept"), n: a.kept, kind: "kept" }, { label: say("account.merged"), n: a.merged, kind: "merged" },
    { label: say("account.quarantined"), n: quarantined, kind: "quarantined" }, { label: say("account.erased"), n: a.erased, kind: "erased" },
  ];
  const adds = parts.reduce((sum, part) => sum + part.n, 0) === a.rows_in;
  const term = (part, sign) => h("span", { class: "term" }, sign ? h("span", { class: "sign", "aria-hidden": "true" }, sign) : null,
    h("span", { class: "quantity" }, h("b", null, number(part.n)), h("small", null, part.kind ? h("i", { class: `dot ${part.kind}` }) : null, part.label)));
  return h("div", { class: "account" },
    shares(parts, a.rows_in, say("account")),
    h("div", { class: "sum" },
      term({ label: say("account.rows_in"), n: a.rows_in }, ""),
      parts.map((part, at) => term(part, at ? "+" : "=")),
      h("span", { class: adds ? "verdict good" : "verdict poor" }, icon(adds ? "check" : "close"), say(adds ? "account.adds" : "account.wrong"))));
}

export const totalAccount = (sources) => {
  const sum = (pick_) => sources.reduce((total, source) => total + pick_(source.account), 0);
  return { rows_in: sum((a) => a.rows_in), kept: sum((a) => a.kept), merged: sum((a) => a.merged), erased: sum((a) => a.erased),
           quarantined: { all: sum((a) => Object.values(a.quarantined).reduce((x, y) => x + y, 0)) }, found: {} };
};

/** A share as a short bar with its number. */
export const meter = (share, state) =>
  h("span", { class: `meter ${state ?? ""}` }, h("span", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${Math.min(1, share) * 100}%` } })), h("b", null, percent(share)));

export const modelName = (name) => named("model", name);

export const titleOf = (item) => item.title ?? say("item.untitled", { id: item.item_id });

export const customerLink = (id) => `/console/customers/${encodeURIComponent(id)}`;

/** A list of offers, each with its reason. extra(item) adds a control; was: ids of the list before. */
export function offers(answer, { extra, was } = {}) {
  if (!answer.items.length) return empty(say("offers.none"), say("offers.none.next"));
  return h("ol", { class: "offers" }, answer.items.map((item, at) => {
    const place = was ? was.indexOf(item.item_id) : null;
    const moved = was === undefined || was.length === 0 ? null : place < 0 ? h("em", { class: "moved new" }, say("offers.new"))
      : place > at ? h("em", { class: "moved up" }, `↑ ${place - at}`) : null;
    return h("li", { "data-item": item.item_id },
      h("span", { class: "rank", "aria-hidden": "true" }, at + 1),
      h("div", { class: "what" },
        h("p", { class: "title" }, titleOf(item), item.category ? h("small", { class: "soft" }, item.category) : null, moved),
        h("p", { class: "why" }, pick(item.reason))),
      item.price === null ? null : h("b", { class: "price" }, money(item.price)),
      extra ? extra(item) : null);
  }));
}

/** Which model made a list, and whether it is a fallback. */
export function provenance(answer, milliseconds) {
  return h("div", { class: "provenance" },
    h("p", { class: "soft" }, facts(say("offers.by", { model: modelName(answer.model) }), say("offers.ms", { ms: milliseconds }))),
    answer.fallback ? h("p", { class: "notice" }, h("b", null, say("offers.fallback")), " ", pick(answer.fallback_reason)) : null);
}

/** Buttons of which one holds. options: {key, label} */
export function choices(label, options, chosen, onchoose) {
  const group = h("div", { class: "choices", role: "group", "aria-label": label });
  for (const option of options) {
    group.append(h("button", {
      type: "button", "data-key": option.key, "aria-pressed": String(option.key === chosen),
      onclick: (event) => {
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
        onchoose(option.key);
      },
    }, option.label));
  }
  return group;
}

export function searchField(label, hint, oninput, value = "") {
  let timer;
  const input = h("input", { type: "search", placeholder: hint, "aria-label": label, autocomplete: "off", spellcheck: "false", maxlength: "200",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => oninput(input.value), 140); } });
  input.value = value;
  return h("div", { class: "search" }, icon("search"), input);
}

/** Customers as a table; as_of is when the data end. */
export function customerTable(customers, asOf, caption) {
  return table([
    { label: say("customer"), main: true, cell: (c) => h("a", { href: customerLink(c.customer_id), class: "who" }, c.name ?? c.customer_id, c.name ? h("small", null, c.customer_id) : null) },
    { label: say("customer.last"), cell: (c) => before(c.last_seen, asOf) },
    ...("orders" in (customers[0] ?? {}) ? [{ label: say("customer.orders"), number: true, cell: (c) => compact(c.orders) }] : []),
    { label: say("customer.events"), number: true, cell: (c) => compact(c.events) },
    { label: say("customer.value"), number: true, cell: (c) => moneyShort(c.value) },
  ], customers, caption);
}

export const shown = (n, total, key) => (n < total ? say("shown", { n: number(n), total: count(key, total) }) : count(key, total));
