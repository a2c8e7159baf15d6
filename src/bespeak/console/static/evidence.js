// Why an identifier belongs to a person: what the record says, in the reader's language.

import { count, number, say } from "./words.js";

const SHAPES = [
  [/^seen with no other identifier$/, () => say("evidence.alone")],
  [/^seen only with identifiers that are shared or set apart$/, () => say("evidence.shared")],
  [/^seen with (\d+) identifiers of (.+), so shared and joined to nobody$/, (n, namespace) => say("evidence.many", { n: number(Number(n)), namespace })],
  [/^with (.+) in (\d+) rows? of (.+)$/, (other, n, source) => count("evidence.with", Number(n), { other, source })],
];

/** What is said in another way is shown as it is. */
export function evidence(text) {
  for (const [shape, put] of SHAPES) {
    const found = text.match(shape);
    if (found) return put(...found.slice(1));
  }
  return text;
}
