// What is around every page: the theme, the language, the basket's count, and who one is.

import { basket, become, customer, key } from "./visit.js";
import { number, say } from "./words.js";

const root = document.documentElement;
const at = (id) => document.getElementById(id);

export function showCount() {
  const count = Object.values(basket()).reduce((sum, line) => sum + line.quantity, 0);
  at("count").textContent = number(count);
  at("count").hidden = count === 0;
}

export function wireFrame() {
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
  const button = at("theme");
  button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    button.setAttribute("aria-pressed", String(isDark()));
    try {
      localStorage.setItem("bespeak-theme", root.dataset.theme);
    } catch {
      // storage is switched off: the choice holds for this page
    }
  });
  const link = at("language");
  link.addEventListener("click", () => {
    const here = new URL(location.href);
    here.searchParams.set("lang", link.getAttribute("href").slice(-2));
    link.href = here.href; // so that a search is kept
  });
}

/** The dialog in which one chooses to be nobody yet, or a customer. */
export function wirePersona() {
  const dialog = at("persona");
  at("who").querySelector("span").textContent = customer ? say("customer", { id: customer }) : say("newcomer");
  at("who").addEventListener("click", () => {
    dialog.showModal();
    find("");
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  at("newcomer").addEventListener("click", () => become());
  at("customers").hidden = key !== undefined; // a public key finds no customers
  at("keyed").hidden = key === undefined;
  let timer;
  at("find").addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => find(target.value), 200);
  });
  at("find").addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
}

async function find(asked) {
  if (key !== undefined) return;
  const answer = await fetch(`/v1/customers?${new URLSearchParams({ q: asked, limit: 6 })}`);
  if (!answer.ok) {
    at("customers").hidden = true;
    at("keyed").hidden = false;
    return;
  }
  if (asked !== at("find").value) return; // an older question
  const { customers } = await answer.json();
  at("found").replaceChildren(...customers.map(({ customer_id, name, events, orders }) => {
    const person = at("person").content.firstElementChild.cloneNode(true);
    person.querySelector("b").textContent = name ?? say("customer", { id: customer_id });
    person.querySelector("span").textContent = say("who.busy", { events: number(events), orders: number(orders) });
    person.querySelector("button").addEventListener("click", () => become(customer_id));
    return person;
  }));
}
