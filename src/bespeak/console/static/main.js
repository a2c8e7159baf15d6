// Start a page: learn the texts, wire the frame, show the page or say why it can't be shown.

import { get, post } from "./api.js";
import { show } from "./dom.js";
import { failure } from "./parts.js";
import { learn, useCurrency } from "./words.js";

const root = document.documentElement;
const main = document.getElementById("main");

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
const tellCharts = () => root.dispatchEvent(new CustomEvent("themechange"));

function wireFrame() {
  systemIsDark.addEventListener("change", tellCharts);
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    button.setAttribute("aria-pressed", String(isDark()));
    try {
      localStorage.setItem("bespeak-theme", root.dataset.theme);
    } catch {
      // storage is switched off: the choice holds for this page
    }
    tellCharts();
  });
  const link = document.getElementById("language");
  link.addEventListener("click", () => {
    const here = new URL(location.href);
    here.searchParams.set("lang", link.getAttribute("href").slice(-2));
    link.href = here.href; // so that a search or a choice made since is kept
  });
}

/** Leave for the sign-in, and come back here afterwards. */
const signIn = () => location.replace(`/console/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);

function wireSignOut(button, access) {
  button.hidden = !(access.wanted && access.name);
  button.title = access.name ?? "";
  button.addEventListener("click", async () => {
    await post("/v1/access/sign-out", {});
    signIn();
  });
}

async function door() {
  await learn();
  wireFrame();
  const { title, body } = await (await import("./pages/sign-in.js")).page();
  document.title = `${title} · bespeak`;
  show(main, body);
  document.getElementById("key").focus();
}

async function start() {
  if (root.dataset.page === "sign-in") return door();
  const page = import(`./pages/${root.dataset.page}.js`);
  const overview = get("/v1/overview");
  overview.catch(() => {}); // it is awaited below; until then its failure is no surprise
  await learn();
  wireFrame();
  get("/v1/access").then((access) => wireSignOut(document.getElementById("sign-out"), access), () => {});
  const about = await overview;
  useCurrency(about.currency);
  document.getElementById("shop").textContent = about.name;
  const { title, body } = await (await page).page(about);
  document.title = `${title} · ${about.name}`;
  show(main, body);
}

async function run() {
  main.setAttribute("aria-busy", "true");
  try {
    await start();
  } catch (error) {
    if (error.code === "KeyMissing") return signIn();
    if (!error.code) console.error(error);
    show(main, failure(error, () => location.reload()));
  }
  main.setAttribute("aria-busy", "false");
  root.dataset.ready = "true";
}

run();
