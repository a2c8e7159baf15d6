// Customers: look one up.

import { get, latest } from "../api.js";
import { h, show } from "../dom.js";
import { card, customerTable, empty, failure, heading, searchField, shown } from "../parts.js";
import { count, say, zh } from "../words.js";

const LIMIT = 25;

export async function page(about) {
  const asked = new URLSearchParams(location.search).get("q") ?? "";
  const place = h("div", { "aria-live": "polite" });
  const note = h("p", { class: "note" });
  const find = latest((signal, q) => get("/v1/customers", { q: q || undefined, limit: LIMIT }, { signal }));

  async function search(text) {
    const q = text.trim();
    const here = new URL(location.href);
    if (q) here.searchParams.set("q", q);
    else here.searchParams.delete("q");
    history.replaceState(null, "", here);
    try {
      const found = await find(q);
      if (!found) return;
      show(note, q ? shown(found.customers.length, found.total, "customers.found") : say("customers.busiest"));
      show(place, found.customers.length ? customerTable(found.customers, about.as_of, say("customers")) : empty(say("customers.none", { q }), say("customers.none.next")));
    } catch (error) {
      show(note);
      show(place, failure(error, () => search(text)));
    }
  }

  await search(asked);
  return {
    title: say("page.customers"),
    body: [
      heading(say("page.customers"), say("customers.title"), count("customers.lead", about.totals.customers),
        ...(about.totals.anonymous_events ? [zh ? "" : " ", count("customers.anonymous", about.totals.anonymous_events)] : [])),
      searchField(say("customers.search"), say("customers.search.hint"), search, asked),
      card(null, null, note, place),
    ],
  };
}
