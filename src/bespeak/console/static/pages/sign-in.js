// Sign in: a secret key for a cookie that scripts can't read; then back to where one was going.

import { ApiError, post } from "../api.js";
import { h } from "../dom.js";
import { card } from "../parts.js";
import { say } from "../words.js";

/** The page one was going to; only ever one of ours. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  const page = new URL(wanted || "/console/", location.origin);
  return page.origin === location.origin && page.pathname.startsWith("/console/") ? page.href : "/console/";
}

export async function page() {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const key = h("input", { id: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false", placeholder: "bsp_secret_…" });
  const button = h("button", { type: "submit", class: "button" }, say("signin.do"));
  const form = h("form", { class: "signin", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await post("/v1/access/sign-in", { key: key.value.trim() });
      location.assign(next());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      wrong.textContent = error.code === "KeyMissing" ? say("signin.wrong") : error.message;
      button.disabled = false;
      key.select();
    }
  } }, h("label", { for: "key" }, say("signin.key")), key, button, wrong);
  return { title: say("page.sign-in"), body: card(say("page.sign-in"), say("signin.why"), form) };
}
