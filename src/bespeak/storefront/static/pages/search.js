// What a search finds.

import { cards } from "../shelves.js";
import { shop } from "../visit.js";
import { number, say } from "../words.js";

export async function draw() {
  const q = new URLSearchParams(location.search).get("q") ?? "";
  document.querySelector(".search input").value = q;
  const found = await shop.search(q, { limit: 24 });
  document.querySelector(".results h1").textContent = q ? say("search.of", { q, count: number(found.total) }) : say("search.all");
  document.getElementById("empty").hidden = found.total > 0;
  cards(found, document.getElementById("results"));
  if (q) shop.send({ type: "search", properties: { words: q } });
}
