// Plots as SVG from plain data. Places are per cent of the room there is and colours the page's own,
// so that a plot fits any width and either theme without being drawn again.

import { h, s } from "./dom.js";

const pc = (x) => `${x.toFixed(2)}%`;
const tint = (n) => `m${(n - 1) % 5}`;

/** Round steps from low to high, about `wanted` of them. */
function steps(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((one) => one * power >= rough * 0.75);
  const first = Math.ceil(low / step - 1e-9);
  const ticks = [...Array(Math.max(0, Math.floor(high / step + 1e-9) - first + 1)).keys()].map((at) => (first + at) * step);
  return { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** A scale that holds all `values`: at(value) in per cent, ticks, and the digits that ticks need. */
export function linear(values, { zero = false, wanted = 4, room = 0.07 } = {}) {
  const known = [...values.filter((v) => v !== null && v !== undefined), ...(zero ? [0] : [])];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const more = (most - least || Math.abs(most) || 1) * room;
  const [low, high] = [zero && least === 0 ? 0 : least - more, most + more];
  return { at: (v) => ((v - low) / (high - low)) * 100, ...steps(low, high, wanted) };
}

/** As `linear`, of numbers above 0 that differ by their ratio. */
export function logarithmic(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = [Math.log10(least) - 0.2, Math.log10(most) + 0.2];
  const powers = [...Array(Math.floor(high) - Math.floor(low) + 1).keys()].map((at) => Math.floor(low) + at);
  const within = (ticks) => ticks.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
  const tens = within(powers.map((power) => 10 ** power));
  const ticks = tens.length > 1 ? tens : within(powers.flatMap((power) => [1, 2, 5].map((one) => one * 10 ** power)));
  return { at: (v) => ((Math.log10(v) - low) / (high - low)) * 100, ticks };
}

/** A dot with the number that stands for a model everywhere on the page. */
function dot(n, x, y, title, aside = 0) {
  return s("g", { class: `mark ${tint(n)}`, transform: aside ? `translate(${aside} 0)` : null }, s("title", null, title),
    s("circle", { cx: x, cy: y, r: 8 }), s("text", { x, y, dy: "0.35em" }, n));
}

export const numbered = (n) =>
  h("span", { class: `number-dot ${tint(n)}` }, n);

/** The numbers under an axis; those near an end do not reach beyond it. */
const ticks = (scale, tell) =>
  h("div", { class: "ticks", "aria-hidden": "true" }, scale.ticks.map((tick) => {
    const at = scale.at(tick);
    return h("span", { style: { left: pc(at), translate: at > 90 ? "-100% 0" : at < 4 ? "0 0" : "-50% 0" } }, tell(tick));
  }));

const TRACK = 18;

/** Rows of values with their intervals on one scale. rows: {head, marks: {n, value, low, high, title}, figure} */
export function lanes(label, rows, scale, tell, { zero = null } = {}) {
  const lane = (row) => {
    const height = TRACK * row.marks.length + 10;
    const place = (at) => pc((100 * (at + 0.5)) / row.marks.length);
    return h("div", { class: "lane" }, h("div", { class: "head" }, row.head),
      h("div", { class: "room", style: { "min-height": `${height}px` } }, s("svg", { class: "plane", "aria-hidden": "true" },
        scale.ticks.map((tick) => s("line", { class: tick === zero ? "grid zero" : "grid", x1: pc(scale.at(tick)), x2: pc(scale.at(tick)), y1: 0, y2: "100%" })),
        row.marks.map((one, at) => {
          const y = place(at);
          return one.value === null ? null : [
            one.low === null ? null : s("line", { class: `whisker ${tint(one.n)}`, x1: pc(scale.at(one.low)), x2: pc(scale.at(one.high)), y1: y, y2: y }),
            dot(one.n, pc(scale.at(one.value)), y, one.title)];
        }))),
      h("div", { class: "figure" }, row.figure));
  };
  return h("div", { class: rows.some((row) => row.figure) ? "lanes figured" : "lanes", role: "group", "aria-label": label }, rows.map(lane),
    h("div", { class: "lane foot" }, h("div", { class: "head" }), ticks(scale, tell), h("div", { class: "figure" })));
}

const ROOM = 380; // pixels across, about
const APART = 15;

/** How far to the side dots are put, in pixels, so that none hides another. */
function asides(points, x, y, height) {
  const placed = [];
  return points.map((point) => {
    const [at, up] = [(ROOM * x.at(point.x)) / 100, (height * y.at(point.y)) / 100];
    const free = (aside) => placed.every(([a, b]) => Math.hypot(a - at - aside, b - up) >= APART);
    const aside = [0, 8, -8, 16, -16, 24, -24, 32, -32].find(free) ?? 0;
    placed.push([at + aside, up]);
    return aside;
  });
}

/**
 * Points on two scales. points: {n, x, y, low, high, title}, low and high being of y.
 * axes: {x, y, tellX, tellY, name}; joined: points of one number as a line; `under`: more SVG below the dots.
 */
export function field(title, note, points, { x, y, tellX, tellY, name }, { joined = false, under = [], height = 220, plain = false } = {}) {
  const place = (point) => [pc(x.at(point.x)), pc(100 - y.at(point.y))];
  const beside = joined || plain ? points.map(() => 0) : asides(points, x, y, height);
  const last = new Map();
  const joins = points.map((point) => {
    const from = joined ? last.get(point.n) : null;
    last.set(point.n, point);
    if (!from) return null;
    const [[x1, y1], [x2, y2]] = [place(from), place(point)];
    return s("line", { class: `join ${tint(point.n)}`, x1, y1, x2, y2 });
  });
  return h("figure", { class: "field" },
    h("figcaption", null, h("b", null, title), note ? h("small", { class: "soft" }, note) : null),
    h("div", { class: "axes" },
      h("div", { class: "ups", "aria-hidden": "true" }, y.ticks.map((tick) => h("span", { style: { top: pc(100 - y.at(tick)) } }, tellY(tick)))),
      s("svg", { class: "plane", "aria-hidden": "true", height },
        y.ticks.map((tick) => s("line", { class: "grid", x1: 0, x2: "100%", y1: pc(100 - y.at(tick)), y2: pc(100 - y.at(tick)) })),
        under, joins,
        points.map((point, at) => point.low === null || point.low === undefined ? null
          : s("line", { class: `whisker ${tint(point.n)}`, transform: beside[at] ? `translate(${beside[at]} 0)` : null, x1: place(point)[0], x2: place(point)[0], y1: pc(100 - y.at(point.low)), y2: pc(100 - y.at(point.high)) })),
        points.map((point, at) => plain
          ? s("g", { class: point.chosen ? "tried chosen" : "tried" }, s("title", null, point.title), s("circle", { cx: place(point)[0], cy: place(point)[1], r: point.chosen ? 7 : 4.5 }))
          : dot(point.n, ...place(point), point.title, beside[at]))),
      ticks(x, tellX)),
    h("p", { class: "soft along" }, name));
}

/** The best so far, as stairs. points: {x, y} in their order, the last step going on to `end`. */
export function stairs(points, x, y, end) {
  const found = [];
  let best = null;
  const level = (to) => found.push(s("line", { class: "stairs", x1: pc(x.at(best.x)), x2: pc(x.at(to)), y1: pc(100 - y.at(best.y)), y2: pc(100 - y.at(best.y)) }));
  for (const point of points) {
    if (best && point.y <= best.y) continue;
    if (best) {
      level(point.x);
      found.push(s("line", { class: "stairs", x1: pc(x.at(point.x)), x2: pc(x.at(point.x)), y1: pc(100 - y.at(best.y)), y2: pc(100 - y.at(point.y)) }));
    }
    best = point;
  }
  if (best) level(end);
  return found;
}
