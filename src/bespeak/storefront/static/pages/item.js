// One product: looking at it is an event, and so is the fact that chance shows beside it, or its absence.

import { here as item_id, shelf, stepped } from "../shelves.js";
import { did, intoBasket, shop } from "../visit.js";
import { isLoud, language, percent, price, say } from "../words.js";
import { tile } from "../tile.js";

const product = document.getElementById("product");
const part = (name) => product.querySelector(name);

export async function draw() {
  const item = await shop.item(item_id);
  const title = item.title ?? item.item_id;
  document.title = `${title} · ${document.querySelector(".mark").textContent}`;
  part(".picture").append(tile(item));
  part(".path").textContent = item.category ?? "";
  part("h1").textContent = title;
  part("h1").classList.toggle("loud", isLoud(title));
  part(".brand").textContent = item.brand ? say("brand", { brand: item.brand }) : "";
  part(".price").textContent = price(item.price);
  document.getElementById("add").addEventListener("click", () => (intoBasket(item), stepped()));
  document.getElementById("dismiss").addEventListener("click", () => (did("dismiss", item), stepped()));
  product.hidden = false;
  product.setAttribute("aria-busy", "false");
  did("view", item);
}

async function inform() {
  const said = await shop.information(item_id);
  const place = document.getElementById("fact");
  if (said.text !== null) {
    place.querySelector(".words").textContent = said.text[language];
    place.querySelector(".chance").textContent = say("fact.chance", { percent: percent(said.propensity) });
    place.hidden = false;
  }
  shop.informed(said);
}

export async function more() {
  if (product.hidden) return;
  await Promise.all([inform(), shelf("similar", shop.similar(item_id, { k: 5 }))]);
}
