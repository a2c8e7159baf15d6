// The page's texts and numbers in its language.

const root = document.documentElement;
export const language = root.dataset.language;

let texts = {};

export async function learn() {
  const answer = await fetch(`/store/static/${root.dataset.version}/texts/${language}.json`);
  texts = await answer.json();
}

/** say("total", {count: 3}): holes are filled; a text that is missing shows as its key. */
export const say = (key, holes = {}) =>
  (texts[key] ?? `⟨${key}⟩`).replace(/{(\w+)}/g, (_, name) => holes[name] ?? "");

const { currency } = root.dataset;
const plain = currency === "XXX"; // the workspace has none
export const priced = plain ? {} : { currency };
const money = new Intl.NumberFormat(language, plain ? {} : { style: "currency", currency });
export const price = (amount) => (amount === null ? "" : money.format(amount));
export const percent = (share) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
export const number = (count) => new Intl.NumberFormat(language).format(count);

/** A catalogue that shouts is shown in a normal voice. */
export const isLoud = (text) => /\p{Lu}{3}/u.test(text) && !/\p{Ll}/u.test(text);
