// Data: every source, what was found in it, where each row went, and what was not let in.

import { get } from "../api.js";
import { facts, h } from "../dom.js";
import { account, card, chip, empty, heading, table, totalAccount } from "../parts.js";
import { column, count, day, named, number, percent, say } from "../words.js";

const total = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);
const sorted = (counts) => Object.entries(counts).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);

function counted(title, counts, prefix, rows, none) {
  const entries = sorted(counts);
  const most = Math.max(1, ...entries.map(([, n]) => n));
  return h("div", { class: "mix" }, h("h3", null, title),
    entries.length ? h("ul", { class: "bars" }, entries.map(([code, n]) => h("li", null,
      h("span", null, named(prefix, code)), h("span", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${(n / most) * 100}%` } })),
      h("b", null, number(n), h("small", { class: "soft" }, ` ${percent(n / (rows || 1))}`)))))
    : h("p", { class: "soft" }, none));
}

function examples(rows) {
  return h("ul", { class: "refused" }, rows.map((row) => h("li", null,
    h("p", null, h("b", null, named("reason", row.reason)), h("span", { class: "soft" }, facts(row.file, row.row === null ? null : say("row", { n: number(row.row) })))),
    h("p", null, row.column ? chip(column(row.column)) : null,
      row.found !== null ? h("span", null, say("found"), " ", h("code", null, row.found)) : null,
      row.expected ? h("span", { class: "soft" }, say("expected"), " ", h("code", null, row.expected)) : null),
    row.raw ? h("details", null, h("summary", null, say("row.whole")), h("code", { class: "raw" }, row.raw)) : null)));
}

function source(one, quarantine) {
  const mine = quarantine.filter((row) => row.source === one.name);
  const refused = total(one.account.quarantined);
  const about = [say("source.into", { table: named("table", one.table) }), one.format ? named("format", one.format) : null, one.channel ? say("source.channel", { channel: one.channel }) : null,
    one.span ? say("source.span", { first: day(one.span[0]), last: day(one.span[1]) }) : null];
  return card(one.name, facts(...about),
    account(one.account),
    one.files.length || one.said.length ? h("details", null, h("summary", null, count("files", one.files.length)),
      h("ul", { class: "files" }, one.files.map((file) => h("li", null, h("code", null, file)))),
      one.said.length ? h("ul", { class: "files", lang: "en" }, one.said.map((text) => h("li", { class: "soft" }, text))) : null) : null,
    total(one.account.found) + refused === 0 ? h("p", { class: "clean soft" }, say("source.clean")) : h("div", { class: "pair plain" },
      counted(say("found.title"), one.account.found, "found", one.account.rows_in, say("found.none")),
      counted(say("quarantine.title"), one.account.quarantined, "reason", one.account.rows_in, say("quarantine.none"))),
    mine.length ? h("details", { class: "examples", open: true }, h("summary", null, say("quarantine.examples", { n: number(mine.length), of: number(refused) })), examples(mine)) : null);
}

export async function page() {
  const data = await get("/v1/data");
  const title = say("page.data");
  const head = heading(title, say("data.title"), say("data.lead"));
  if (!data.sources.length) return { title, body: [head, empty(say("data.none"), say("data.none.next"))] };
  const all = totalAccount(data.sources);
  const checks = table([
    { label: say("source"), main: true, cell: (s) => s.name },
    { label: say("source.table"), cell: (s) => named("table", s.table) },
    { label: say("account.rows_in"), number: true, cell: (s) => number(s.account.rows_in) },
    { label: say("account.kept"), number: true, cell: (s) => number(s.account.kept) },
    { label: say("account.merged"), number: true, cell: (s) => number(s.account.merged) },
    { label: say("account.quarantined"), number: true, cell: (s) => number(total(s.account.quarantined)) },
  ], data.sources, say("sources.title"));
  return {
    title,
    body: [
      head,
      card(say("account"), say("account.note"), account(all)),
      data.sources.length > 1 ? card(say("sources.title"), null, checks) : null,
      data.sources.map((one) => source(one, data.quarantine)),
    ],
  };
}
