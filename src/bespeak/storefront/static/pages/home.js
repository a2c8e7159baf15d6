// The door of the shop: what most choose, below what is for this visitor.

import { shelf } from "../shelves.js";
import { shop } from "../visit.js";

export async function draw() {}

export const more = () => shelf("trending", shop.trending({ k: 10 }));
