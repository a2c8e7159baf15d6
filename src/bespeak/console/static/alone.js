// A report that is a file of its own: its numbers and texts stand in the page.

import { show } from "./dom.js";
import { report } from "./report.js";
import { learnt, say } from "./words.js";

const standing = (id) => JSON.parse(document.getElementById(id).textContent);

function light() {
  const { documentElement: root } = document;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

learnt(standing("texts")[document.documentElement.dataset.language]);
const other = document.getElementById("language");
const theme = document.getElementById("theme");
theme.textContent = say("theme");
theme.addEventListener("click", light);
if (document.documentElement.dataset.language === "zh") Object.assign(other, { href: "#en", lang: "en", textContent: "English" });
addEventListener("hashchange", () => location.reload());
const numbers = standing("numbers");
document.title = `${say("report.name")} · bespeak`;
show(document.getElementById("main"), report(numbers, { eyebrow: say("report.name") }));
document.documentElement.dataset.ready = "true";
