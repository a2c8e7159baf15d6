// Shelves of cards; the one for you says after each step what is new on it, and moves there gently.

import { tile } from "./tile.js";
import { customer, intoBasket, keepShown, shop, shown, steps, trail } from "./visit.js";
import { isLoud, language, priced, say } from "./words.js";

const MANY = 10;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const template = document.getElementById("card");

/** What happens after a step; set once by the page's start. */
const after = { step: async () => {} };
export const afterStep = (run) => (after.step = run);
export const stepped = () => after.step();

function fill(element, item) {
  const picture = element.querySelector(".picture");
  if (picture.childElementCount) return;
  picture.append(tile(item));
  element.querySelector(".kind").textContent = lastOf(item.category);
  element.querySelector("h3 a").classList.toggle("loud", isLoud(item.title ?? ""));
  const add = element.querySelector(".add");
  add.setAttribute("aria-label", say("add.named", { title: item.title ?? item.item_id }));
  add.addEventListener("click", () => (intoBasket(item), stepped()));
}

/** The narrowest part of a category's path. */
export const lastOf = (category) => (category ?? "").split(/ *[>/] */).at(-1);

/** Cards of a list in `place`; a list without reasons shows none. */
export const cards = (list, place) => shop.render(list, template, place, { language, ...priced, fill });

export async function shelf(id, asking) {
  const section = document.getElementById(id);
  const list = await asking;
  cards(list, section.querySelector(".cards"));
  section.hidden = list.items.length === 0;
  section.setAttribute("aria-busy", "false");
}

const places = (list) => new Map([...list.children].map((card) => [card.dataset.itemId, card.getBoundingClientRect()]));

function move(list, before) {
  if (still.matches || !before.size) return;
  for (const card of list.children) {
    const from = before.get(card.dataset.itemId);
    const to = card.getBoundingClientRect();
    const start = from
      ? { transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)` }
      : { opacity: 0, transform: "translateY(14px)" };
    card.animate([start, { opacity: 1, transform: "none" }], { duration: 420, easing: "cubic-bezier(.2,.7,.2,1)" });
  }
}

/** What is on the shelf now that was not before the last step. */
function marked(elements, before) {
  let fresh = 0;
  for (const card of elements) {
    const isNew = before !== null && !before.includes(card.dataset.itemId);
    card.classList.toggle("fresh", isNew);
    card.querySelector(".new").hidden = !isNew;
    fresh += isNew;
  }
  return fresh;
}

function summary(list, fresh, before) {
  if (before === null || !trail().length) {
    if (customer) return say("first.known");
    return say(list.fallback ? "first.newcomer" : "first.visit");
  }
  const said = fresh === 0 ? "changed.none" : fresh === 1 ? "changed.one" : "changed.some";
  return say(said, { count: fresh, all: list.items.length });
}

let asked = 0;

function named(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // an address that somebody mistyped: no such product
  }
}

const ITEM = "/store/item/";
/** The product that the page is about, which it does not offer again. */
export const here = location.pathname.startsWith(ITEM) ? named(location.pathname.slice(ITEM.length)) : null;
const asking = () => ({ k: MANY, exclude: here === null ? [] : [here] });

/** Ask again what is for this visitor; a newer question outruns an older answer. */
export async function forYou() {
  const mine = ++asked;
  const section = document.getElementById("for-you");
  const list = await shop.recommendations(customer ? { ...asking(), customer_id: customer } : { ...asking(), repeat: "no" });
  if (mine !== asked) return;
  const place = section.querySelector(".cards");
  const last = shown(), step = steps(), from = places(place);
  const before = step === last.step ? last.before : last.ids; // the page may be another, the step the same
  section.hidden = false;
  const fresh = marked(cards(list, place), before);
  move(place, from);
  section.querySelector(".said").textContent = summary(list, fresh, before);
  section.setAttribute("aria-busy", "false");
  keepShown({ ids: list.items.map((item) => item.item_id), before, step });
}

/** What was done in this visit, the latest first. */
export function drawTrail() {
  const section = document.getElementById("trail");
  const done = trail().map(({ type, item_id, title }) => {
    const step = document.createElement("li");
    const what = document.createElement("span");
    const link = document.createElement("a");
    what.textContent = say(`trail.${type}`);
    link.textContent = title ?? item_id;
    link.classList.toggle("loud", isLoud(title ?? ""));
    link.href = `/store/item/${encodeURIComponent(item_id)}`;
    step.append(what, " ", link);
    return step;
  });
  section.querySelector("ol").replaceChildren(...done.reverse());
  section.hidden = done.length === 0;
  document.querySelector(".hello")?.classList.toggle("known", done.length > 0);
}
