// The basket, and the purchase, which is a game: the events are real.

import { stepped } from "../shelves.js";
import { basket, did, keepBasket } from "../visit.js";
import { isLoud, number, price, say } from "../words.js";
import { showCount } from "../frame.js";
import { tile } from "../tile.js";

const at = (id) => document.getElementById(id);

function line({ item, quantity }) {
  const element = at("line").content.firstElementChild.cloneNode(true);
  const title = item.title ?? item.item_id;
  const address = `/store/item/${encodeURIComponent(item.item_id)}`;
  element.querySelector(".picture").append(tile(item));
  element.querySelectorAll("a").forEach((link) => (link.href = address));
  element.querySelector(".title").textContent = title;
  element.querySelector(".title").classList.toggle("loud", isLoud(title));
  element.querySelector(".times").textContent = `× ${number(quantity)}`;
  element.querySelector(".price").textContent = item.price === null ? "" : price(item.price * quantity);
  const remove = element.querySelector(".remove");
  remove.setAttribute("aria-label", say("remove.named", { title }));
  remove.addEventListener("click", () => {
    const lines = basket();
    delete lines[item.item_id];
    keepBasket(lines);
    showCount();
    draw();
  });
  return element;
}

async function buy() {
  const order_id = crypto.randomUUID();
  for (const { item, quantity } of Object.values(basket()))
    did("purchase", item, { order_id, quantity, ...(item.price === null ? {} : { price: item.price }) });
  keepBasket({});
  await draw();
  at("empty").hidden = true;
  at("thanks").textContent = say("bought");
  await stepped();
}

export async function draw() {
  const lines = Object.values(basket());
  at("lines").replaceChildren(...lines.map(line));
  at("empty").hidden = lines.length > 0;
  at("total").hidden = lines.length === 0;
  const known = lines.every(({ item }) => item.price !== null); // no sum is better than a wrong one
  const sum = lines.reduce((so_far, { item, quantity }) => so_far + item.price * quantity, 0);
  at("total").querySelector("p").hidden = !known;
  at("total").querySelector("b").textContent = price(sum);
  at("buy").onclick = buy;
}
