// Recommendations: how the models did, which one answers, and a place to try any history.

import { get, latest, post, timed } from "../api.js";
import { facts, h, icon, show } from "../dom.js";
import { card, choices, empty, failure, heading, modelName, offers, provenance, searchField, titleOf } from "../parts.js";
import { count, fixed, has, number, percent, pick, say, seconds, zh } from "../words.js";

const metricName = (metric) => {
  const [name, k] = metric.split("@");
  return has(`metric.${name}`) ? say(`metric.${name}`, { k: k ?? "" }) : metric;
};

/** A value and its interval on the scale that all models share. */
function interval(measure, low, high) {
  if (measure.value === null || high <= low) return null;
  const at = (x) => `${(Math.max(0, Math.min(1, (x - low) / (high - low))) * 100).toFixed(2)}%`;
  return h("span", { class: "interval", "aria-hidden": "true" },
    measure.low === null ? null : h("i", { class: "range", style: { left: at(measure.low), right: `calc(100% - ${at(measure.high)})` } }),
    h("i", { class: "point", style: { left: at(measure.value) } }));
}

/** Shares of the range as per cent; the rest as the literature has it. */
const figure = (metric, v, digits) => (metric.startsWith("coverage") ? percent(v, v < 0.01 ? 2 : 1) : fixed(v, digits));

function measured(metric, measure, digits) {
  if (!measure || measure.value === null) return h("span", { class: "soft" }, say("undefined"));
  return h("span", { class: "measure" }, h("b", null, figure(metric, measure.value, digits)),
    measure.low === null ? null : h("small", { class: "soft" }, `${figure(metric, measure.low, digits)}–${figure(metric, measure.high, digits)}`));
}

const digitsOf = (models, metric) => (Math.max(...models.map((m) => Math.abs(m.metrics[metric]?.value ?? 0))) >= 2 ? 1 : 3);

function results(evaluation) {
  const metricOf = (model) => model.metrics[evaluation.metric]?.value ?? 0;
  const models = [...evaluation.models].sort((a, b) => metricOf(b) - metricOf(a));
  const metrics = [...new Set(models.flatMap((model) => Object.keys(model.metrics)))];
  const main = metrics.includes(evaluation.metric) ? evaluation.metric : metrics[0];
  const ends = models.map((model) => model.metrics[main]).filter(Boolean).flatMap((m) => [m.low ?? m.value, m.high ?? m.value]).filter((v) => v !== null);
  const [low, high] = [0, Math.max(...ends) * 1.04];
  return h("div", { class: "scroll" }, h("table", { class: "rows results" },
    h("caption", { class: "unseen" }, say("evaluation.title")),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, say("model")), metrics.map((m) =>
      h("th", { scope: "col", class: "number", title: has(`metric.${m.split("@")[0]}.note`) ? say(`metric.${m.split("@")[0]}.note`) : null }, metricName(m))), h("th", { scope: "col", class: "number" }, say("fit")))),
    h("tbody", null, models.map((model) => h("tr", { class: model.name === evaluation.served ? "served" : null },
      h("th", { scope: "row", class: "main" }, h("span", { class: "model" }, modelName(model.name), model.name === evaluation.served ? h("span", { class: "chip thread" }, say("served.now")) : null),
        model.metrics[main] ? interval(model.metrics[main], low, high) : null),
      metrics.map((m) => h("td", { class: m === main ? "number chief" : "number", "data-label": metricName(m) }, measured(m, model.metrics[m], digitsOf(models, m)))),
      h("td", { class: "number", "data-label": say("fit") }, seconds(model.fit_s)))))));
}

function evaluated(evaluation) {
  if (!evaluation) return card(say("evaluation.title"), null, empty(say("evaluation.none"), say("evaluation.none.next")));
  return card(say("evaluation.title"), [pick(evaluation.split), evaluation.customers === null ? null : count("evaluation.customers", evaluation.customers)].filter(Boolean).join(" "),
    results(evaluation), h("p", { class: "soft key" }, say("evaluation.key")),
    h("p", { class: "onward" }, h("a", { href: "/console/recommendations/report" }, say("report.link"))));
}

/** A field that finds items; arrows and Enter choose, Escape closes. */
function finder(choose) {
  const list = h("ul", { id: "found", role: "listbox", "aria-label": say("try.found"), hidden: true });
  const find = latest((signal, q) => get("/v1/items", { q: q || undefined, limit: 8 }, { signal }));
  let at = -1;
  const field = searchField(say("try.search"), say("try.search.hint"), search);
  const input = field.querySelector("input");
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list" })) input.setAttribute(name, value);

  const close = () => {
    find.cancel();
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (to) => {
    const options = [...list.children].filter((li) => li.dataset.item);
    if (!options.length) return;
    at = (to + options.length) % options.length;
    options.forEach((li, i) => li.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", options[at].id);
    options[at].scrollIntoView({ block: "nearest" });
  };
  async function search(q) {
    list.items = null; // until the answer is there, Enter chooses nothing
    try {
      const found = await find(q.trim());
      if (!found) return;
      show(list, found.items.length
        ? found.items.map((item, i) => h("li", { role: "option", id: `found-${i}`, "data-item": item.item_id, "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); take(item); } },
            h("span", null, titleOf(item)), h("small", { class: "soft" }, facts(item.category, count("events.n", item.events)))))
        : h("li", { class: "soft" }, say("try.nothing")));
      list.hidden = false;
      at = -1;
      input.setAttribute("aria-expanded", "true");
      list.items = found.items;
    } catch (error) {
      show(list, h("li", null, failure(error)));
      list.hidden = false;
    }
  }
  const take = (item) => { choose(item); input.value = ""; close(); };
  input.addEventListener("focus", () => search(input.value));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter" && !list.hidden && list.items?.length) take(list.items[Math.max(0, at)]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  return h("div", { class: "finder" }, field, list);
}

function attempt() {
  const chosen = [];
  const wanted = { k: 10, repeat: "auto", shown: "no" };
  let was = [];
  const picked = h("ol", { class: "picked" });
  const answerPlace = h("div", { "aria-live": "polite" });
  const ask = latest((signal) => post("/v1/recommendations", { items: chosen.map((item) => item.item_id), ...wanted }, { signal }));

  async function refresh() {
    show(picked, chosen.length ? chosen.map((item, at) => h("li", null, h("span", null, titleOf(item)),
      h("button", { type: "button", class: "plain", "aria-label": say("try.remove", { title: titleOf(item) }), onclick: () => { chosen.splice(at, 1); refresh(); } }, icon("close")))) : h("li", { class: "soft" }, say("try.empty")));
    clear.hidden = !chosen.length;
    try {
      const [answer, ms] = await timed(ask());
      if (!answer) return;
      show(answerPlace, provenance(answer, number(ms)), offers(answer, { was, extra: (item) =>
        h("button", { type: "button", class: "plain add", "aria-label": say("try.add", { title: titleOf(item) }), title: say("try.add", { title: titleOf(item) }), onclick: () => add(item) }, icon("plus")) }));
      was = answer.items.map((item) => item.item_id);
    } catch (error) {
      show(answerPlace, failure(error, refresh));
    }
  }
  const add = (item) => { chosen.push(item); refresh(); };
  const clear = h("button", { type: "button", class: "button", hidden: true, onclick: () => { chosen.length = 0; refresh(); } }, say("try.clear"));
  const repeats = ["auto", "yes", "no"].map((key) => ({ key, label: say(`repeat.${key}`) }));
  const start = h("p", { class: "start" });
  get("/v1/items", { limit: 6 }).then((found) => show(start, h("span", { class: "soft" }, say("try.start")),
    found.items.map((item) => h("button", { type: "button", class: "chip", onclick: () => add(item) }, titleOf(item)))), () => start.remove());
  refresh();
  return h("section", { class: "card try", id: "try" },
    h("div", { class: "cardhead" }, h("h2", null, say("try.title")), h("p", { class: "soft" }, say("try.note"))),
    h("div", { class: "halves" },
      h("div", null, h("h3", null, say("try.history")), finder(add), start, picked, clear),
      h("div", null, h("h3", null, say("try.offers")),
        h("div", { class: "settings" }, h("div", null, h("span", null, say("offers.repeat")), choices(say("offers.repeat"), repeats, "auto", (repeat) => { wanted.repeat = repeat; refresh(); }))), answerPlace)));
}

export async function page() {
  const evaluation = await get("/v1/evaluation").catch((error) => { if (error.code === "NotFound") return null; throw error; });
  return {
    title: say("page.recommendations"),
    body: [
      heading(say("page.recommendations"), say("recommendations.title"),
        ...(evaluation ? [say("recommendations.lead", { model: modelName(evaluation.served) }), zh ? "" : " ", pick(evaluation.why)] : [])),
      evaluated(evaluation), attempt(),
    ],
  };
}
