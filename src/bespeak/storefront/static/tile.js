// A picture for a product that has none: a shape for its kind, coloured by its category.

const SVG = "http://www.w3.org/2000/svg";

// body: the shape; label: where its label sits (x, y, width, height); lid: what is darker
const SHAPES = {
  bottle: { body: "M88 28h24v22c0 8 14 12 14 30v52a8 8 0 0 1-8 8H82a8 8 0 0 1-8-8V80c0-18 14-22 14-30z", lid: "M88 20h24v12H88z", label: [74, 84, 52, 34] },
  can: { body: "M70 40h60v92a8 8 0 0 1-8 8H78a8 8 0 0 1-8-8z", lid: "M70 40a30 9 0 0 1 60 0 30 9 0 0 1-60 0z", label: [70, 66, 60, 46] },
  box: { body: "M64 34h58v106H64z", lid: "M122 34l18 12v94h-18z", label: [64, 58, 58, 40] },
  bag: { body: "M68 40l6-8h52l6 8 6 92a8 8 0 0 1-8 8H70a8 8 0 0 1-8-8z", lid: "M74 22h52v10H74z", label: [74, 66, 52, 42] },
  jar: { body: "M72 48h56c8 4 10 12 10 20v60a12 12 0 0 1-12 12H74a12 12 0 0 1-12-12V68c0-8 2-16 10-20z", lid: "M72 32h56v16H72z", label: [62, 74, 76, 40] },
  cup: { body: "M66 44h68l-8 88a10 10 0 0 1-10 8H84a10 10 0 0 1-10-8z", lid: "M60 34h80v12H60z", label: [69, 66, 62, 36] },
  loaf: { body: "M46 92c0-30 24-44 54-44s54 14 54 44c0 10-6 14-10 16v24a8 8 0 0 1-8 8H64a8 8 0 0 1-8-8v-24c-4-2-10-6-10-16z", lid: "M76 62l10 18M98 58l10 20M120 62l10 18", line: true },
  fruit: { body: "M100 58c14-14 50-10 50 30 0 30-22 54-38 54-6 0-8-3-12-3s-6 3-12 3c-16 0-38-24-38-54 0-40 36-44 50-30z", lid: "M100 56c0-14 8-26 24-28 0 16-8 26-24 28z" },
  leaf: { body: "M52 138c-8-56 24-104 100-108 4 70-36 112-88 96z", lid: "M56 142c14-36 38-60 70-80", line: true },
  steak: { body: "M52 98c-8-36 26-60 58-56 36 4 52 36 38 60-10 18-28 14-44 22-20 12-46 8-52-26z", lid: "M74 92c-2-14 10-24 24-24 16 0 24 10 20 20-4 12-40 22-44 4z" },
  cheese: { body: "M44 104l88-56c16 8 24 24 24 44v40H44z", lid: "M44 104h112M84 122a7 7 0 1 0 .1 0M124 116a6 6 0 1 0 .1 0", line: true },
  shirt: { body: "M78 36c6 10 38 10 44 0l34 18-12 28-14-6v60a4 4 0 0 1-4 4H74a4 4 0 0 1-4-4V76l-14 6-12-28z", lid: "M78 36c6 10 38 10 44 0l6 3c-8 18-48 18-56 0z" },
  shoe: { body: "M48 84l30-20c10 14 24 22 44 28 20 6 34 10 34 26v8H48c-6-12-6-30 0-42z", lid: "M44 126h112v10a4 4 0 0 1-4 4H48a4 4 0 0 1-4-4z" },
  tube: { body: "M76 30h48l-6 96H82z", lid: "M84 126h32v16H84z", label: [79, 56, 42, 38] },
};
const ANY = ["box", "bag", "tube", "jar"];
const KINDS = [
  [/shoe|boot|sneaker|sock|鞋|靴|袜/i, "shoe"],
  [/shirt|coat|dress|cloth|apparel|jacket|wear\b|衣|裙|衫|装/i, "shirt"],
  [/milk|juice|water|drink|beer|wine|oil|sauce|syrup|liquor|sirup|奶|汁|水|酒|油/i, "bottle"],
  [/soup|can(ned)?\b|beans|soda|pop\b|tuna|cola|罐|汤/i, "can"],
  [/bread|bun|roll|cake|bak|croissant|cookie|loaf|面包|蛋糕|烘焙/i, "loaf"],
  [/salad|herb|lettuce|vegetable|veg\b|leaf|floral|plant|garden|菜|植物|花/i, "leaf"],
  [/fruit|apple|berr|banana|citrus|melon|produce|tomato|potato|onion|水果|果/i, "fruit"],
  [/meat|beef|pork|chicken|sausage|bacon|ham\b|turkey|seafood|fish|frankfurter|肉|鱼/i, "steak"],
  [/chee?se?\b|chs\b|butter|margarine|奶酪|黄油/i, "cheese"],
  [/yogurt|ice cream|coffee|cup\b|tea\b|dessert|dip|酸奶|冰淇淋|咖啡|杯|茶/i, "cup"],
  [/jam|honey|spread|peanut|pickle|baby|spice|olive|酱|蜂蜜/i, "jar"],
  [/chip|snack|candy|nut|pet|dog|cat\b|rice|sugar|flour|pasta|popcorn|零食|米|糖/i, "bag"],
  [/tooth|hair|soap|shampoo|cosmetic|lotion|makeup|hygiene|牙|发|皂|妆/i, "tube"],
  [/cereal|frozen|pizza|tissue|towel|paper|detergent|diaper|cracker|麦片|冷冻|纸/i, "box"],
];

/** A number from a text, the same each time (FNV-1a). */
function hash(text) {
  let found = 2166136261;
  for (const character of text) found = Math.imul(found ^ character.codePointAt(0), 16777619) >>> 0;
  return found;
}

const s = (tag, attributes) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

/** @param {{item_id: string, title: ?string, category: ?string}} item */
export function tile({ item_id, title, category }) {
  const own = hash(item_id);
  const kind = category ?? title ?? "";
  const words = `${title ?? ""} ${kind}`;
  const name = KINDS.find(([known]) => known.test(words))?.[1] ?? ANY[hash(kind) % ANY.length];
  const shape = SHAPES[name];
  const svg = s("svg", { viewBox: "0 12 200 142", class: "tile", "aria-hidden": "true", focusable: "false" });
  svg.style.setProperty("--hue", String((hash(kind) % 360) + (own % 25) - 12));
  svg.append(s("rect", { width: 200, height: 160, class: "ground" }));
  svg.append(s("circle", { cx: 40 + (own % 120), cy: 20 + ((own >> 7) % 60), r: 60 + ((own >> 13) % 30), class: "glow" }));
  svg.append(s("ellipse", { cx: 100, cy: 143, rx: 56, ry: 6, class: "shadow" }));
  svg.append(s("path", { d: shape.body, class: "body" }), s("path", { d: shape.lid, class: shape.line ? "stroke" : "lid" }));
  if (shape.label) {
    const [x, y, width, height] = shape.label;
    svg.append(s("rect", { x, y, width, height, class: "label" }));
    const initial = s("text", { x: x + width / 2, y: y + height / 2 + 8, class: "initial" });
    initial.textContent = [...(title ?? item_id)].find((letter) => /[\p{L}\p{N}]/u.test(letter))?.toUpperCase() ?? "";
    svg.append(initial);
  }
  return svg;
}
