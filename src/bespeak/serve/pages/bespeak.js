/**
 * bespeak for a shop's pages: tell what a visitor does, show what to offer them. No dependencies.
 *
 *   import { connect } from "https://bespeak.example/bespeak.js";
 *   const shop = connect({ url: "https://bespeak.example", key: "bsp_public_…" });
 *   shop.send({ type: "view", item_id: "4012" });
 *   shop.render(await shop.recommendations({ k: 6 }), "#card", "#for-you");
 *
 * An event is kept in localStorage until the server says that it has it on disk, and goes again under the
 * same event_id, so that it counts once whatever happens to the network or the page.
 */

const TOGETHER = 50;
const BYTES = 50_000; // of one request: a browser lets 64 KiB go on after its page
const KEPT = 1_000;
const SOON_MS = 250;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const SEEN_MS = 1_000; // half of a card, for so long, is an impression
const FINAL = new Set([400, 413, 415, 422]); // the same events would be refused again

/**
 * @typedef {{type: string, item_id?: string, [field: string]: unknown}} Event see POST /v1/events
 * @typedef {{item_id: string, title: ?string, category: ?string, price: ?number, available: boolean,
 *            reason: {code: string, en: string, zh: string}}} Offered
 * @typedef {{items: Offered[], request_id?: string}} List
 */

/** A server's refusal: its status, its code and what it says to do. */
export class Refused extends Error {
  constructor(status, problem) {
    super([problem?.message, problem?.next_step].filter(Boolean).join(". ") || `HTTP ${status}`);
    this.status = status;
    this.code = problem?.code ?? "Unreadable";
  }
}

/**
 * @param {{url: string, key?: string, token?: string, onproblem?: (problem: Error) => void}} options
 *   url: the server's, like https://bespeak.example; key: the public one, where the server asks for
 *   keys; token: of the customer that your server has signed in; onproblem: told of events that the
 *   server won't take
 */
export function connect({ url, key, token, onproblem = (problem) => console.warn(problem) }) {
  const base = new URL(url, location.href).origin;
  const session = remembered(base);
  const ask = asker(base, key, () => token);
  const outbox = sending(base, (body) => ask("/v1/events", { body, keepalive: true }), onproblem);

  /** @param {Event} event @returns {string} its event_id */
  const send = (event) => outbox.add({ event_id: crypto.randomUUID(), time: new Date().toISOString(), session_id: session, ...event });

  const listed = async (path, parameters, body) => {
    await outbox.flush(); // so that the list knows what was done just now
    return ask(path + query(parameters), body && { body: JSON.stringify(body) });
  };

  return {
    session,
    send,
    /** Resolves when what was sent so far is on the server's disk, or has been tried once. */
    flush: outbox.flush,
    /** From now on this visit is this customer's; `token` is the one that your server signed. */
    login(customer_id, { token: signed = token, namespace = "customer" } = {}) {
      token = signed;
      return send({ type: "login", identifiers: { [namespace]: customer_id } });
    },
    /** What to offer: this visitor, or `customer_id` under their token. @returns {Promise<List>} */
    recommendations: ({ customer_id, ...more } = {}) =>
      customer_id === undefined
        ? listed("/v1/recommendations", {}, { session_id: session, ...more })
        : listed(`/v1/customers/${encodeURIComponent(customer_id)}/recommendations`, more),
    /** What goes with an item. @returns {Promise<List>} */
    similar: (item_id, more) => ask(`/v1/items/${encodeURIComponent(item_id)}/similar${query(more)}`),
    /** What most choose lately. @returns {Promise<List>} */
    trending: (more) => ask(`/v1/trending${query(more)}`),
    item: (item_id) => ask(`/v1/items/${encodeURIComponent(item_id)}`),
    search: (q, more) => ask(`/v1/items${query({ q, ...more })}`),
    /** One fact of an item, or none, as chance has it for this visit; tell `send` once it is read. */
    information: (item_id) => ask(`/v1/items/${encodeURIComponent(item_id)}/information${query({ session_id: session })}`),
    /** The event that says that a fact (or its absence) was before the visitor's eyes. */
    informed: (answer) => send({
      type: "impression", item_id: answer.item_id,
      properties: { exposure: { fact: answer.fact, kind: answer.kind, propensity: answer.propensity, policy: answer.policy } },
    }),
    render: (list, template, place, options) => render(list, found(template), found(place), { send, ...options }),
  };
}

/** The visit's id, a random UUID: as long as the tab is open. */
function remembered(base) {
  const name = `bespeak session ${base}`;
  const store = storage(() => sessionStorage);
  const id = store.getItem(name) ?? crypto.randomUUID();
  store.setItem(name, id);
  return id;
}

/** Asks the server; raises a TypeError where it can't be reached, Refused where it says no. */
const asker = (base, key, token) => async (path, { body, keepalive = false } = {}) => {
  const headers = { accept: "application/json" };
  if (body) headers["content-type"] = "application/json";
  if (key) headers.authorization = `Bearer ${key}`;
  if (token()) headers["x-bespeak-customer"] = token();
  const answer = await fetch(base + path, { method: body ? "POST" : "GET", body, keepalive, headers, credentials: "omit" });
  const said = await answer.json().catch(() => null);
  if (answer.ok && said) return said;
  const refused = new Refused(answer.status, said?.error);
  refused.after_ms = 1_000 * Number(answer.headers.get("retry-after") ?? 0) || 0;
  throw refused;
};

/** Events on their way: kept one by one, so that tabs don't overwrite each other's. */
function sending(base, post, onproblem) {
  const store = storage(() => localStorage);
  const prefix = `bespeak event ${base} `;
  const underway = new Set();
  let timer, last = Promise.resolve(), failures = 0, notBefore = 0, added = 0;

  const waiting = () => Object.keys(store).filter((name) => name.startsWith(prefix)).sort();

  function add(event) {
    const full = waiting();
    full.slice(0, Math.max(0, full.length + 1 - KEPT)).forEach((name) => store.removeItem(name));
    if (full.length >= KEPT) onproblem(new Error(`more than ${KEPT} events wait for the server: the oldest was dropped`));
    const name = `${prefix}${Date.now()} ${String(added++).padStart(6, "0")} ${event.event_id}`;
    try {
      store.setItem(name, JSON.stringify(event));
    } catch {
      onproblem(new Error("the browser's storage is full: an event was dropped"));
    }
    later(SOON_MS);
    return event.event_id;
  }

  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(flush, Math.max(ms, notBefore - Date.now()));
  }

  /** The oldest events that go into one request. */
  function batch() {
    const names = [], events = [];
    let bytes = 0;
    for (const name of waiting()) {
      const event = store.getItem(name);
      if (event === null || underway.has(name)) continue;
      bytes += 3 * event.length;
      if (names.length && (names.length === TOGETHER || bytes > BYTES)) break;
      names.push(name);
      events.push(event);
    }
    return { names, body: `{"events":[${events.join(",")}]}` };
  }

  /** Send one batch. @returns {Promise<boolean>} whether to go on with the next */
  async function deliver() {
    const { names, body } = batch();
    if (!names.length) return false;
    names.forEach((name) => underway.add(name));
    try {
      const said = await post(body);
      said.errors.forEach((wrong) => onproblem(new Error(`event ${wrong.index}: ${wrong.field}: ${wrong.expected}`)));
    } catch (problem) {
      if (!FINAL.has(problem.status)) return wait(problem, names);
      onproblem(problem);
    }
    failures = notBefore = 0;
    names.forEach((name) => (store.removeItem(name), underway.delete(name)));
    return true;
  }

  function wait(problem, names) {
    names.forEach((name) => underway.delete(name));
    const backoff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
    notBefore = Date.now() + Math.max(problem.after_ms ?? 0, backoff);
    if (problem.status === 401 || problem.status === 403) onproblem(problem);
    later(0);
    return false;
  }

  async function run() {
    while (Date.now() >= notBefore && (await deliver()));
  }

  /** One after another, so that what was added before it is in it. */
  const flush = () => (last = last.then(run, run));

  addEventListener("online", () => ((notBefore = 0), flush()));
  addEventListener("pagehide", deliver);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && deliver());
  if (waiting().length) later(0); // what a page before this one could not send
  return { add, flush };
}

/**
 * One copy of a <template>'s element for each item, in `place`. An item that was there keeps its element.
 * Elements with data-bespeak="title" (category, brand, price, reason, position) get that text, as text;
 * an <a data-bespeak-href="/product/{item_id}"> gets the address.
 *
 * @param {List} list @param {HTMLTemplateElement} template @param {HTMLElement} place
 * @param {{send: Function, language?: "en" | "zh", currency?: string, fill?: (element: HTMLElement, item: Offered) => void}} options
 * @returns {HTMLElement[]}
 */
export function render(list, template, place, { send, language = "en", currency, fill }) {
  const there = new Map([...place.children].map((child) => [child.dataset.itemId, child]));
  const elements = list.items.map((item, at) => {
    const element = there.get(item.item_id) ?? template.content.firstElementChild.cloneNode(true);
    element.dataset.itemId = item.item_id;
    for (const part of parts(element, "data-bespeak")) {
      const text = textOf(item, part.dataset.bespeak, { language, currency, position: at + 1 });
      part.textContent = text ?? "";
      part.hidden = text === null;
    }
    for (const link of parts(element, "data-bespeak-href"))
      link.setAttribute("href", link.dataset.bespeakHref.replaceAll("{item_id}", encodeURIComponent(item.item_id)));
    fill?.(element, item);
    return element;
  });
  place.replaceChildren(...elements);
  watch(list, elements, place, send);
  return elements;
}

const parts = (element, name) => [element, ...element.querySelectorAll(`[${name}]`)].filter((part) => part.hasAttribute(name));

function textOf(item, name, { language, currency, position }) {
  if (name === "title") return item.title ?? item.item_id;
  if (name === "reason") return item.reason?.[language] ?? null;
  if (name === "position") return String(position);
  if (name !== "price" || item.price === null) return item[name] ?? null;
  return new Intl.NumberFormat(language, currency ? { style: "currency", currency } : {}).format(item.price);
}

const watched = new WeakMap();

/** Clicks on links and what came into view are told, with the request and the place in its list. */
function watch(list, elements, place, send) {
  const about = (element) => ({
    item_id: element.dataset.itemId,
    request_id: list.request_id,
    position: elements.indexOf(element),
  });
  watched.get(place)?.abort();
  const ended = new AbortController();
  watched.set(place, ended);
  place.addEventListener("click", ({ target }) => {
    const element = target.closest("a[href]")?.closest("[data-item-id]");
    if (element) send({ type: "click", ...about(element) });
  }, { signal: ended.signal });
  const timers = new Map();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(timers.get(target));
      if (!isIntersecting) continue;
      timers.set(target, setTimeout(() => {
        observer.unobserve(target);
        send({ type: "impression", ...about(target) });
      }, SEEN_MS));
    }
  }, { threshold: 0.5 });
  elements.forEach((element) => observer.observe(element));
  ended.signal.addEventListener("abort", () => (observer.disconnect(), timers.forEach(clearTimeout)));
}

const query = (parameters = {}) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

const found = (named) => (typeof named === "string" ? document.querySelector(named) : named);

/** A browser's storage; where it is switched off, one that ends with the page. */
function storage(open) {
  try {
    const store = open();
    store.setItem("bespeak", "");
    store.removeItem("bespeak");
    return store;
  } catch {
    return Object.create({
      getItem(name) { return this[name] ?? null; },
      setItem(name, value) { this[name] = value; },
      removeItem(name) { delete this[name]; },
    });
  }
}
