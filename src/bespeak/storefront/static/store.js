// Start a page: learn the texts, wire the frame, draw the page and its shelves, or say why not.

import { wireFrame, wirePersona, showCount } from "./frame.js";
import { afterStep, drawTrail, forYou } from "./shelves.js";
import { learn, say } from "./words.js";

const notice = document.getElementById("notice");

function complain(problem) {
  const known = problem instanceof TypeError ? "offline" : problem.code;
  const key = ["offline", "KeyMissing", "NotFound"].includes(known) ? known : "other";
  notice.textContent = say(`error.${key}`, { message: problem.message });
  notice.hidden = false;
}

/** Do it, and say so where it can't be done. */
async function tried(doing) {
  try {
    await doing();
  } catch (problem) {
    complain(problem);
  }
}

async function shelves() {
  showCount();
  drawTrail();
  await tried(forYou);
}

await learn();
wireFrame();
wirePersona();
afterStep(() => {
  notice.hidden = true;
  return shelves();
});
const page = await import(`./pages/${document.documentElement.dataset.page}.js`);
await tried(page.draw);
await shelves();
await tried(page.more ?? (async () => {}));
document.documentElement.dataset.drawn = "";
