// An evaluation as a report: how exact the models are and how surely, at what cost, for whom, and how it was measured.

import { facts, h, show } from "./dom.js";
import { card, choices, empty, heading, modelName, stat, stats, table } from "./parts.js";
import { field, lanes, linear, logarithmic, numbered, stairs } from "./plots.js";
import { count, day, decimal, fixed, has, moment, number, percent, say, seconds } from "./words.js";

const ACCURACY = ["ndcg", "recall", "mrr", "hit", "map", "ips_recall"];
const VARIETY = ["coverage", "novelty", "diversity", "gini"];
const SURE = 0.05;

const measureName = (name, k) => say(`metric.${name}`, { k });

/** Coverage as per cent, bits of surprise with one digit, the rest as the literature has it. */
function told(name, v) {
  if (v === null || v === undefined) return say("undefined");
  return name === "coverage" ? `${fixed(100 * v, v < 0.1 ? 2 : 1)}%` : fixed(v, name === "novelty" ? 2 : 4);
}

const withInterval = (name, measure) =>
  measure.low === null ? told(name, measure.value) : say("report.interval", { value: told(name, measure.value), low: told(name, measure.low), high: told(name, measure.high) });

/** Models, the best first, each with the number that it has in every plot. */
function ranked(evaluation) {
  const worth = (model) => model.metrics[evaluation.metric]?.value ?? 0;
  return [...evaluation.models].sort((a, b) => worth(b) - worth(a)).map((model, at) => ({
    ...model, n: at + 1, title: titled(model), of: (name) => model.metrics[`${name}@${evaluation.k}`] ?? { value: null, low: null, high: null },
  }));
}

function titled(model) {
  const parts = model.model === "blend" ? model.parameters?.parts : null;
  if (parts) return say("report.blend", { parts: parts.map((part) => modelName(part.model)).join(" + ") });
  return modelName(model.model ?? model.name);
}

const called = (model, small = true) =>
  h("span", { class: "called" }, numbered(model.n), h("span", null, model.title, small && model.title !== model.name ? h("small", { class: "soft" }, model.name) : null));

const legend = (models) => h("p", { class: "legend" }, models.map((model) => called(model, false)));

function measuredCell(name, measure) {
  if (measure.value === null) return h("span", { class: "soft" }, say("undefined"));
  return h("span", { class: "measure" }, h("b", null, told(name, measure.value)),
    measure.low === null ? null : h("small", { class: "soft" }, `${told(name, measure.low)}–${told(name, measure.high)}`));
}

const measureColumns = (names, k) => names.map((name) => ({
  label: measureName(name, k), note: has(`metric.${name}.note`) ? say(`metric.${name}.note`) : null, number: true, cell: (model) => measuredCell(name, model.of(name)),
}));

const alone = (model) => (typeof model.list_ms === "number" ? model.list_ms / 1000 : null);

const amongMany = (model) => (typeof model.score_s !== "number" || !model.customers ? null : model.score_s / model.customers);

/** As `seconds`, but down to a thousandth of a millisecond. */
const briefest = (s) => (s === null ? "–" : s < 0.00995 ? say("unit.ms", { n: decimal(Number((1000 * s).toPrecision(2)), 4) }) : seconds(s));

function tables(models, k) {
  const first = { label: say("model"), main: true, cell: (model) => called(model) };
  return [
    card(say("report.exact"), say("report.exact.note"), table([first, ...measureColumns(ACCURACY, k)], models, say("report.exact"))),
    card(say("report.beside"), say("report.beside.note"), table([first, ...measureColumns(VARIETY, k),
      { label: say("fit"), number: true, cell: (model) => seconds(model.fit_s) },
      { label: say("report.alone"), note: say("report.alone.note"), number: true, cell: (model) => briefest(alone(model)) },
      { label: say("report.many"), note: say("report.many.note"), number: true, cell: (model) => briefest(amongMany(model)) },
      { label: say("report.memory"), number: true, cell: (model) => (model.peak_rss_mb === null ? "–" : say("report.mb", { n: number(model.peak_rss_mb) })) },
    ], models, say("report.beside"))),
  ];
}

/** A plot that is drawn anew for each choice. options: {key, label} */
function chosen(label, options, draw) {
  const place = h("div");
  const put = (key) => show(place, draw(key));
  put(options[0].key);
  return [options.length > 1 ? h("div", { class: "settings" }, choices(label, options, options[0].key, put)) : null, place];
}

const asMark = (model, name, measure) => ({ n: model.n, ...measure, title: `${model.title}: ${withInterval(name, measure)}` });

function accuracy(models, k) {
  const options = ACCURACY.filter((name) => models.some((model) => model.of(name).value !== null)).map((name) => ({ key: name, label: measureName(name, k) }));
  return card(say("report.plot"), say("report.plot.note"), ...chosen(say("report.measure"), options, (name) => {
    const measures = models.map((model) => model.of(name));
    const scale = linear(measures.flatMap((m) => [m.value, m.low, m.high]), { zero: true });
    return [lanes(measureName(name, k), models.map((model) => ({ head: called(model), marks: [asMark(model, name, model.of(name))], figure: measuredCell(name, model.of(name)) })), scale, (v) => fixed(v, scale.digits)),
      h("p", { class: "soft key" }, say(`metric.${name}.note`))];
  }));
}

/** Every other model against the best, customer by customer. */
function pairs(evaluation, models) {
  const rows = models.slice(1).map((model) => ({ model, test: evaluation.tests.find((test) =>
    test.measure === evaluation.metric && [test.better, test.worse].includes(models[0].name) && [test.better, test.worse].includes(model.name)) })).filter((row) => row.test);
  if (!rows.length) return null;
  const signed = (v) => (v > 0 ? "+" : "") + fixed(v, 4);
  const scale = linear(rows.flatMap(({ test }) => [test.difference, test.low, test.high]), { zero: true });
  const p = (v) => (v < 0.0001 ? say("report.p.least") : say("report.p", { p: fixed(v, 4) }));
  return card(say("report.pairs"), say("report.pairs.note", { model: models[0].title }),
    lanes(say("report.pairs"), rows.map(({ model, test }) => ({
      head: [called(model), h("span", { class: test.p_holm < SURE ? "chip thread" : "chip" }, say(test.p_holm < SURE ? "report.sure" : "report.unsure"))],
      marks: [{ n: model.n, value: test.difference, low: test.low, high: test.high, title: `${signed(test.difference)}, ${p(test.p_holm)}` }],
      figure: h("span", { class: "measure" }, h("b", null, signed(test.difference)), h("small", { class: "soft" }, test.low === null ? "" : `${signed(test.low)} – ${signed(test.high)}`), h("small", { class: "soft" }, p(test.p_holm))),
    })), scale, (v) => fixed(v, scale.digits), { zero: 0 }),
    h("p", { class: "soft key" }, say("report.pairs.key", { metric: measureName("ndcg", evaluation.k), test: say(rows[0].test.test === "paired t" ? "report.test.t" : "report.test.flips") })));
}

/** Accuracy against something else that is known of each model. */
function against(models, k, y, title, note, of, tell, log) {
  const known = models.filter((model) => of(model) !== null && of(model) !== undefined && (!log || of(model) > 0) && model.of("ndcg").value !== null);
  if (!known.length) return null;
  const values = known.map(of);
  const x = log ? logarithmic(values) : linear(values, { wanted: 3, room: 0.12 });
  const points = known.map((model) => ({ n: model.n, x: of(model), y: model.of("ndcg").value, low: model.of("ndcg").low, high: model.of("ndcg").high,
    title: `${model.title}: ${measureName("ndcg", k)} ${withInterval("ndcg", model.of("ndcg"))}; ${title} ${tell(of(model))}` }));
  return field(title, note, points, { x, y, tellX: tell, tellY: (v) => fixed(v, y.digits), name: say("report.axes", { x: title, y: measureName("ndcg", k) }) });
}

function trades(models, k) {
  const ends = models.flatMap((model) => Object.values(model.of("ndcg")));
  const y = linear(ends, { zero: true, wanted: 4, room: 0.1 });
  const costs = [
    against(models, k, y, say("fit"), say("report.fit.note"), (m) => (typeof m.fit_s === "number" ? Math.max(m.fit_s, 0.001) : null), briefest, true),
    against(models, k, y, say("report.alone"), say("report.alone.note"), alone, briefest, true) ?? against(models, k, y, say("report.many"), say("report.many.note"), amongMany, briefest, true),
  ];
  const slow = models.filter((model) => model.by_lists).map((model) => h("p", { class: "soft key" }, say("report.served", {
    model: model.title, own: briefest(alone(model)), served: briefest(model.by_lists.served_ms / 1000), kept: percent(model.by_lists.kept, 1) })));
  const digits = { coverage: (v) => percent(v, v < 0.1 && v > 0 ? 1 : 0), novelty: (v) => fixed(v, 1) };
  const others = VARIETY.map((name) => against(models, k, y, measureName(name, k), say(`metric.${name}.note`), (m) => m.of(name).value, digits[name] ?? ((v) => fixed(v, 2)), false));
  return [
    costs.some(Boolean) ? card(say("report.cost"), say("report.cost.note"), legend(models), h("div", { class: "fields" }, costs), slow) : null,
    others.some(Boolean) ? card(say("report.variety"), say("report.variety.note"), legend(models), h("div", { class: "fields" }, others)) : null,
  ];
}

function partName(part) {
  if (part.code === "having") return part.low === part.high ? count("report.part.items", part.low) : say("report.part.having", { low: number(part.low), high: number(part.high) });
  if (["head", "torso", "tail"].includes(part.code)) return count(`report.part.${part.code}`, part.items);
  if (part.code === "days") return part.since === part.until ? day(part.since) : say("report.part.days", { since: day(part.since), until: day(part.until) });
  if (part.code === "group") return part.by === "segment" ? part.label.replaceAll("_", " ") : part.label;
  if (part.code === "others") return count("report.part.others", part.groups);
  return say(`report.part.${part.code}`);
}

/** One table of parts by models, for who wants the numbers. */
function partTable(parts, models, name, k, who) {
  const columns = [{ label: say("report.part"), main: true, cell: ({ part }) => [partName(part), h("small", { class: "soft block" }, who(part.customers))] },
    ...models.map((model, at) => ({ label: `${model.n} ${model.title}`, number: true, cell: ({ measures }) => measuredCell(name, measures[at]) }))];
  return h("details", null, h("summary", null, say("report.numbers")), table(columns, parts, measureName(name, k)));
}

function byPart(by, models, k, who) {
  const at = models[0].slices.map((part, place) => ({ part, place })).filter(({ part }) => part.by === by);
  const options = ["ndcg", "recall"].map((name) => ({ key: name, label: measureName(name, k) }));
  return card(say(`report.by.${by}`), say(`report.by.${by}.note`), legend(models), ...chosen(say("report.measure"), options, (name) => {
    const parts = at.map(({ part, place }) => ({ part, measures: models.map((model) => model.slices[place].metrics[`${name}@${k}`]) }));
    const y = linear(parts.flatMap(({ measures }) => measures.flatMap((m) => [m.value, m.low, m.high])), { zero: true });
    const plot = by === "time" && parts.length > 2 ? overTime(parts, models, name, y, k) : lanes(say(`report.by.${by}`), parts.map(({ part, measures }) => ({
      head: [h("b", null, partName(part)), h("small", { class: "soft" }, facts(who(part.customers), count("report.pairs.n", part.pairs)))],
      marks: measures.map((measure, place) => asMark(models[place], name, measure)), figure: null,
    })), y, (v) => fixed(v, y.digits));
    return [plot, partTable(parts, models, name, k, who)];
  }));
}

function overTime(parts, models, name, y, k) {
  const x = { at: (place) => ((place + 0.5) / parts.length) * 100, ticks: parts.map((_, place) => place).filter((place) => place % Math.ceil(parts.length / 5) === 0) };
  const beside = (at) => 0.08 * (at - (models.length - 1) / 2); // intervals of one day would hide each other
  const points = models.flatMap((model, at) => parts.map(({ part, measures }, place) => ({ n: model.n, x: place + beside(at), y: measures[at].value, low: measures[at].low, high: measures[at].high,
    title: `${model.title}, ${partName(part)}: ${withInterval(name, measures[at])}` })));
  return field(measureName(name, k), null, points, { x, y, tellX: (place) => day(parts[place].part.since), tellY: (v) => fixed(v, y.digits), name: say("report.time.axis") }, { joined: true, height: 260 });
}

function parts(models, k, who) {
  const there = [...new Set((models[0]?.slices ?? []).map((part) => part.by))];
  const known = ["activity", "popularity", "time", "segment", "place"];
  return known.filter((by) => there.includes(by)).map((by) => byPart(by, models, k, who));
}

/** What would be measured had every item been seen as often, and the items that nobody had. */
function unbiased(evaluation, models) {
  const measures = models.map((model) => model.of("ips_recall"));
  const cold = evaluation.data?.test.cold_pairs;
  if (measures.every((measure) => measure.value === null)) return null;
  const scale = linear(measures.flatMap((m) => [m.value, m.low, m.high]), { zero: true });
  return card(say("report.unbiased"), null, h("p", { class: "note" }, say("report.unbiased.note")),
    lanes(say("report.unbiased"), models.map((model) => ({ head: called(model), marks: [asMark(model, "ips_recall", model.of("ips_recall"))],
      figure: [measuredCell("ips_recall", model.of("ips_recall")), h("small", { class: "soft" }, say("report.against", { value: told("recall", model.of("recall").value) }))] })), scale, (v) => fixed(v, scale.digits)),
    cold === undefined ? null : h("p", { class: "soft key" }, say(cold ? "report.cold" : "report.cold.none", { n: number(cold), of: number(evaluation.data.test.pairs), share: percent(cold / evaluation.data.test.pairs) })));
}

function leaks(evaluation) {
  const { leaks: found, of } = evaluation;
  if (!found) return null;
  const finding = (bad, text, next) => h("li", { class: bad ? "found" : "clean" }, h("span", { class: bad ? "chip rust" : "chip thread" }, say(bad ? "report.leak.found" : "report.leak.none")), h("span", null, text, next ? h("small", { class: "soft block" }, next) : null));
  const known = { n: number(found.in_train), of: number(found.pairs) };
  return card(say("report.leaks"), say("report.leaks.note"), h("ul", { class: "leaks" },
    finding(found.in_train > 0 && found.dropped, say(of === "sessions" ? "report.leak.session" : "report.leak.pairs", known), found.in_train ? say(found.dropped ? "report.leak.dropped" : "report.leak.repeat") : null),
    found.timed ? finding(found.early > 0, say("report.leak.early", { n: number(found.early), of: number(found.timed) }), found.early ? say("report.leak.early.next") : null) : null,
    found.timed === 0 || found.timed === undefined || found.timed === null ? h("li", { class: "soft" }, say(evaluation.split ? "report.leak.split" : "report.leak.untimed")) : null,
    evaluation.new_customers ? h("li", { class: "soft" }, say("report.new", { n: number(evaluation.new_customers) })) : null));
}

const settings = (parameters) => {
  if (parameters.parts) return parameters.parts.map((part) => `${fixed(part.weight ?? 1, 2)} ${part.model}`).join(" + ");
  return Object.entries(parameters).map(([name, v]) => `${name} = ${JSON.stringify(v)}`).join(", ");
};

const briefly = (one) => [one.model, settings(one.parameters)].filter(Boolean).join(": ");

/** What a search says in words of its own, in the reader's language; what it says in others stays as it is. */
const inWords = (shapes) => (text) => {
  for (const [shape, key] of shapes) {
    const found = text.match(shape);
    if (found) return say(key, { a: found[1], b: found[2] });
  }
  return text;
};

const heldBack = inWords([
  [/^the latest (\d+%) of all rows by time$/, "report.held.time"],
  [/^the latest (\d+%) of each customer's rows$/, "report.held.last"],
  [/^(\d+%) of each customer's items$/, "report.held.share"],
  [/^the newest (\d+%) of sessions, each of their beginnings$/, "report.held.sessions"],
  [/^the (\d+) days before the last \d+$/, "report.held.days"],
]);

const leftOut = inWords([
  [/^foreseen to take (.+) s, with (.+) s left for it$/, "report.left.time"],
  [/^it offers only what its customer has, which is ruled out$/, "report.left.repeat"],
  [/^no second part made \S+ better by (.+)$/, "report.left.blend"],
]);

function searched(evaluation) {
  const { search } = evaluation;
  if (!search) return null;
  const tried = search.tried.filter((one) => one.state === "tried");
  const [name, k] = search.measure.split("@");
  const measure = measureName(name, k);
  const left = search.tried.length - tried.length;
  const lead = h("p", { class: "note" }, say("report.search.lead", { n: count("report.configurations", tried.length), left: number(left), seconds: seconds(search.search_s), budget: seconds(search.budget_s) }),
    search.asked ? ` ${say("report.search.asked", { n: number(search.asked), of: number(search.of) })}` : "");
  const said = search.held_back ? h("p", { class: "note" }, say("report.search.held", { how: heldBack(search.held_back) })) : h("p", { class: "notice" }, search.because);
  if (!tried.length) return card(say("report.search"), say("report.search.note"), said);
  const best = tried.reduce((a, b) => (b.value > a.value ? b : a));
  const points = tried.map((one) => ({ x: one.at_s, y: one.value, chosen: one === best, title: `${briefly(one)}: ${told("ndcg", one.value)} (${briefest(one.at_s)})` }));
  const x = linear(points.map((point) => point.x), { zero: true, room: 0.02, wanted: 5 });
  const y = linear(points.map((point) => point.y));
  const drawn = [...points].sort((a, b) => a.chosen - b.chosen); // the best lies on top
  const plot = field(measure, say("report.search.plot"), drawn, { x, y, tellX: (v) => say("unit.s", { n: decimal(v, x.digits) }), tellY: (v) => fixed(v, Math.max(2, y.digits)), name: say("report.search.axis") },
    { plain: true, height: 260, under: stairs(points, x, y, points.at(-1).x) });
  const final = search.final.length ? h("div", { class: "final" }, h("h3", null, say("report.search.final")), h("ol", null, [...search.final].sort((a, b) => b.value - a.value).map((one) => h("li", null, h("span", null, one.model), h("b", null, told("ndcg", one.value)))))) : null;
  const every = h("details", null, h("summary", null, say("report.search.all", { n: number(search.tried.length) })), table([
    { label: say("model"), main: true, cell: (one) => [one.model, h("small", { class: "soft block" }, settings(one.parameters) || say("report.defaults"))] },
    { label: measure, number: true, cell: (one) => (one.value === null ? "–" : h("b", null, told("ndcg", one.value))) },
    { label: say("report.took"), number: true, cell: (one) => (one.state === "tried" ? briefest((one.fit_s ?? 0) + (one.score_s ?? 0)) : "–") },
    { label: say("report.search.state"), cell: (one) => (one.state === "tried" ? (one === best ? say("report.search.best") : "") : h("span", { class: "soft" }, say(`report.search.${one.state}`), h("small", { class: "block" }, leftOut(one.because)))) },
  ], search.tried, say("report.search")));
  return card(say("report.search"), say("report.search.note"), lead, said, plot, final, every);
}

const spanOf = (side) => (side.first === null ? say("report.untimed") : say("report.span", { first: day(side.first), last: day(side.last) }));

function measuredOn(evaluation, models, who) {
  const { data, machine, files } = evaluation;
  const line = (name, ...value) => h("div", null, h("dt", null, say(name)), h("dd", null, value));
  return card(say("report.how"), null, h("dl", { class: "facts wide" },
    data ? [
      line("report.train", files ? h("code", null, files.train) : null, h("span", { class: "block" }, facts(count("report.rows", data.train.rows), who(data.train.customers, "known"), count("report.items", data.train.items))), h("small", { class: "soft block" }, spanOf(data.train))),
      line("report.test", files ? h("code", null, files.test) : null, h("span", { class: "block" }, facts(count("report.pairs.n", data.test.pairs), who(data.test.customers))), h("small", { class: "soft block" }, spanOf(data.test))),
    ] : null,
    line("report.lists", say("report.lists.value", { k: number(evaluation.k), items: number(evaluation.items) }), h("small", { class: "soft block" }, say(evaluation.repeat ? "report.repeat.yes" : "report.repeat.no"))),
    machine ? line("report.machine", machine.processor ?? machine.system, h("small", { class: "soft block" }, facts(count("report.cores", machine.cores), machine.memory_gb === null ? null : say("report.gb", { n: fixed(machine.memory_gb, 1) }), machine.system, `Python ${machine.python}`, `bespeak ${machine.bespeak}`))) : null,
    evaluation.made_at ? line("report.made", moment(evaluation.made_at), h("small", { class: "soft block" }, say("report.seed", { seed: evaluation.seed }))) : null),
    h("details", null, h("summary", null, say("report.settings")), h("dl", { class: "facts wide" }, models.map((model) => h("div", null, h("dt", null, called(model)), h("dd", null, h("code", null, settings(model.parameters) || say("report.defaults"))))))),
    h("p", { class: "soft key" }, say("report.intervals")));
}

function verdict(evaluation, models) {
  const [best, ...others] = models;
  if (!others.length) return say("report.title.one", { model: best.title });
  const unsure = others.some((model) => {
    const test = evaluation.tests.find((one) => one.measure === evaluation.metric && [one.better, one.worse].includes(best.name) && [one.better, one.worse].includes(model.name));
    return !test || test.p_holm >= SURE;
  });
  return say(unsure ? "report.title.close" : "report.title", { model: best.title });
}

/** The whole report. page: {eyebrow, lead}: what stands above it. */
export function report(evaluation, { eyebrow, lead = [] }) {
  const models = ranked(evaluation);
  if (!models.length) return [heading(eyebrow, say("report.name")), card(null, null, empty(say("evaluation.none"), say("evaluation.none.next")))];
  const { k } = evaluation;
  const sessions = evaluation.of === "sessions";
  const who = (n, known) => count(sessions ? (known ? "report.visits" : "report.prefixes") : "customers.n", n);
  const { data } = evaluation;
  const recall = models[0].of("recall").value;
  return [
    heading(eyebrow, verdict(evaluation, models), say(sessions ? "report.lead.sessions" : "report.lead", { model: models[0].title, who: who(evaluation.customers), share: percent(recall, 1), k: number(k) }), lead),
    data ? stats(
      stat(say(sessions ? "report.stat.prefixes" : "report.stat.customers"), number(data.test.customers), say("report.stat.asked")),
      stat(say("report.stat.pairs"), number(data.test.pairs), spanOf(data.test)),
      stat(say("report.stat.rows"), number(data.train.rows), spanOf(data.train)),
      stat(say("products"), number(data.train.items), say("report.stat.ranked")),
      stat(measureName("ndcg", k), told("ndcg", models[0].of("ndcg").value), models[0].of("ndcg").low === null ? null : `${told("ndcg", models[0].of("ndcg").low)}–${told("ndcg", models[0].of("ndcg").high)}`)) : null,
    accuracy(models, k), pairs(evaluation, models), ...tables(models, k), ...trades(models, k), ...parts(models, k, who),
    unbiased(evaluation, models), leaks(evaluation), searched(evaluation), measuredOn(evaluation, models, who),
  ].filter(Boolean);
}
