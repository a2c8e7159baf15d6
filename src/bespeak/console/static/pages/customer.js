// One customer: who they are, what they did, and what to offer them, and why.

import { get, latest, path, timed } from "../api.js";
import { facts, h, show } from "../dom.js";
import { evidence } from "../evidence.js";
import { attribute, featureList, sentences } from "../features.js";
import { card, chip, choices, empty, failure, heading, offers, provenance, waiting } from "../parts.js";
import { before, count, day, dayNamed, decimal, money, named, number, pick, say, time, zh } from "../words.js";

const STEP = 100;
const MOST = 1000;
/** Visits shown at first, and added at each click. */
const VISITS = 8;
const LINES = 4;

function offered(id) {
  const place = h("div", { "aria-live": "polite" }, waiting());
  const wanted = { k: 10, repeat: "auto", shown: "no" };
  const ask = latest((signal) => get(`${path("v1", "customers", id)}/recommendations`, wanted, { signal }));
  async function fill() {
    try {
      const [answer, ms] = await timed(ask());
      if (answer) show(place, provenance(answer, number(ms)), offers(answer));
    } catch (error) {
      show(place, failure(error, fill));
    }
  }
  fill();
  const lengths = [5, 10, 20].map((k) => ({ key: String(k), label: String(k) }));
  const repeats = ["auto", "yes", "no"].map((key) => ({ key, label: say(`repeat.${key}`) }));
  return card(say("offers.title"), null,
    h("div", { class: "settings" },
      h("div", null, h("span", null, say("offers.k")), choices(say("offers.k"), lengths, "10", (k) => { wanted.k = Number(k); fill(); })),
      h("div", null, h("span", null, say("offers.repeat")), choices(say("offers.repeat"), repeats, "auto", (repeat) => { wanted.repeat = repeat; fill(); }))),
    place);
}

/** Events of one order (or one moment) belong together. */
function groups(history) {
  const found = [];
  for (const event of history) {
    const key = event.order_id ?? event.time;
    const last = found.at(-1);
    if (last && last.key === key && last.type === event.type) last.events.push(event);
    else found.push({ key, type: event.type, events: [event] });
  }
  return found;
}

const line = (event) => h("li", null,
  event.item_id ? h("span", null, event.title ?? say("item.untitled", { id: event.item_id })) : null,
  event.quantity !== null && event.quantity !== 1 ? h("span", { class: "soft" }, ` × ${decimal(event.quantity, 2)}`) : null);

/** The first few things of a visit; a long till receipt is behind a fold. */
function lines(events) {
  const seen = events.length > LINES + 1 ? LINES : events.length;
  return [h("ul", null, events.slice(0, seen).map(line)),
    events.length > seen ? h("details", null, h("summary", null, say("history.lines", { n: number(events.length - seen) })), h("ul", null, events.slice(seen).map(line))) : null];
}

function visit(group) {
  const [first] = group.events;
  const values = group.events.map((event) => event.value).filter((value) => value !== null);
  const where = first.channel || first.place ? facts(first.channel, first.place) : null;
  return h("li", { class: `visit ${group.type}` },
    h("div", { class: "when" }, h("b", null, dayNamed(first.time)), h("span", { class: "soft" }, time(first.time))),
    h("div", { class: "what" },
      h("p", null, chip(named("type", group.type), group.type === "return" ? "rust" : ""), where ? h("span", { class: "soft" }, where) : null, values.length ? h("b", { class: "amount" }, money(values.reduce((a, b) => a + b, 0))) : null),
      lines(group.events)));
}

function history(one) {
  if (!one.history.length) return card(say("history.title"), null, empty(say("history.none")));
  const list = h("ul", { class: "visits" });
  const foot = h("p", { class: "soft" });
  const more = h("button", { type: "button", class: "button" }, say("history.more"));
  let events = one.history;
  let visits = 0;
  async function grow() {
    visits += VISITS;
    if (groups(events).length < visits + 1 && events.length < Math.min(one.events, MOST)) {
      events = (await get(path("v1", "customers", one.customer_id), { history: Math.min(MOST, events.length + STEP * 4) })).history;
    }
    const found = groups(events);
    show(list, found.slice(0, visits).map(visit));
    const seen = found.slice(0, visits).reduce((sum, group) => sum + group.events.length, 0);
    show(foot, say("history.shown", { n: number(seen), total: count("events.n", one.events) }));
    more.hidden = visits >= found.length;
  }
  more.addEventListener("click", async () => {
    more.disabled = true;
    await grow().catch((error) => show(foot, failure(error)));
    more.disabled = false;
  });
  grow();
  return card(say("history.title"), null, list, h("div", { class: "more" }, foot, more));
}

const identities = (one) => card(say("identities.title"), say("identities.note"),
  one.identities.length ? h("ul", { class: "identities" }, one.identities.map((identity) =>
    h("li", null, h("b", null, identity.namespace), h("code", { title: identity.value }, identity.value), identity.evidence ? h("small", { class: "soft" }, evidence(identity.evidence)) : null)))
    : h("p", { class: "soft" }, say("identities.none")));

const because = (held) => (held.since ? say("consent.since", { day: day(held.since) }) : say(held.said ? "consent.source" : "consent.unsaid"));

const consent = (one) => card(say("consent.title"), null, h("dl", { class: "facts" }, Object.entries(one.consent).map(([purpose, held]) =>
  h("div", null, h("dt", null, say(`consent.${purpose}`)),
    h("dd", null, chip(say(held.allowed ? "consent.yes" : "consent.no"), held.allowed ? "" : "rust"), " ", h("small", { class: "soft" }, because(held)))))));

function about(one) {
  const known = Object.entries(one.attributes).filter(([name, v]) => v !== null && typeof v !== "object" && !["time", "attributes"].includes(name));
  if (!known.length) return null;
  return card(say("attributes.title"), null, h("dl", { class: "facts" }, known.map(([name, v]) => h("div", null, h("dt", null, attribute(name)), h("dd", null, String(v))))));
}

export async function page(overview) {
  const id = decodeURIComponent(location.pathname.replace(/^\/console\/customers\//, ""));
  const [one, features] = await Promise.all([get(path("v1", "customers", id), { history: STEP }), get("/v1/features")]);
  const said = sentences(one.features, features.features);
  const name = one.attributes.name ?? one.customer_id;
  return {
    title: name,
    body: [
      h("p", { class: "back" }, h("a", { href: "/console/customers" }, "← ", say("page.customers"))),
      heading(say("customer"), name,
        one.history.length ? say("customer.lead", { events: count("events.n", one.events), last: before(one.history[0].time, overview.as_of), as_of: day(overview.totals.last) }) : say("history.none")),
      one.segments.length ? h("p", { class: "chips" }, one.segments.map((segment) =>
        h("a", { class: "chip thread", href: `/console/segments?${new URLSearchParams({ kind: segment.kind, segment: segment.id })}` }, pick(segment.name)))) : null,
      said.length ? h("p", { class: "words" }, said.join(zh ? "" : " ")) : null,
      h("div", { class: "sided" },
        h("div", null, offered(id), history(one)),
        h("aside", null,
          Object.keys(one.features).length ? card(say("features.title"), one.since ? say("features.now", { events: count("events.n", one.since) }) : null, featureList(one.features, features.features)) : null,
          identities(one), consent(one), about(one))),
    ],
  };
}

