// Who visits, with which key, and what they did so far: for this tab, as long as it is open.

import { connect } from "/bespeak.js";

const { namespace } = document.documentElement.dataset;
const LONGEST = 12;

function read(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(`store ${name}`)) ?? otherwise;
  } catch {
    return otherwise; // switched off, or not ours
  }
}

function keep(name, value) {
  try {
    sessionStorage.setItem(`store ${name}`, JSON.stringify(value));
  } catch {
    // switched off: it holds for this page
  }
}

/** What the address brings (key, token, customer) is kept for the tab, and leaves the address. */
function brought() {
  const here = new URL(location.href);
  for (const name of ["key", "token", "customer"]) {
    const given = here.searchParams.get(name);
    if (given === null) continue;
    keep(name, given);
    if (name === "customer") keep("login", true);
    here.searchParams.delete(name);
  }
  if (here.href !== location.href) history.replaceState(null, "", here);
}

brought();
export const key = read("key", undefined);
export const customer = read("customer", undefined);
export const shop = connect({ url: location.origin, key, token: read("token", undefined) });
if (read("login", false)) {
  shop.login(customer, { namespace });
  keep("login", false);
}

/** Be a customer, or nobody yet: a visit of its own begins, and the page with it. */
export async function become(customer_id) {
  await shop.flush();
  const visits = Object.keys(sessionStorage).filter((name) => name.startsWith("bespeak session "));
  visits.forEach((name) => sessionStorage.removeItem(name));
  for (const name of ["trail", "steps", "shown", "basket", "token"]) keep(name, null);
  keep("customer", customer_id ?? null);
  keep("login", customer_id !== undefined);
  location.assign("/store/");
}

/** Tell the shop, and remember it for the page. */
export function did(type, item, more = {}) {
  shop.send({ type, item_id: item.item_id, currency: document.documentElement.dataset.currency, ...more });
  keep("steps", steps() + 1);
  keep("trail", [...trail(), { type, item_id: item.item_id, title: item.title }].slice(-LONGEST));
}

export const trail = () => read("trail", []);
export const steps = () => read("steps", 0);

/** item_id -> {item, quantity} */
export const basket = () => read("basket", {});
export const keepBasket = (lines) => keep("basket", lines);
/** {ids, before, step}: what was for the visitor after which step, and what had been before it. */
export const shown = () => read("shown", { ids: null, before: null, step: -1 });
export const keepShown = (state) => keep("shown", state);

export function intoBasket(item) {
  const lines = basket();
  lines[item.item_id] = { item, quantity: (lines[item.item_id]?.quantity ?? 0) + 1 };
  keepBasket(lines);
  did("cart", item, { quantity: 1, ...(item.price === null ? {} : { price: item.price }) });
}
