// Elements from values. Text is only ever set as text, so data can't become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h("p", {class: "soft"}, "text", child, [more]): strings become text nodes. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Short facts in one line, a small dot between them. */
export const facts = (...parts) => h("span", { class: "dots" }, parts.filter(Boolean).map((part) => h("span", null, part)));

export function icon(name) {
  const { version } = document.documentElement.dataset;
  return s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" },
    s("use", { href: `/console/static/${version}/icons.svg#${name}` }));
}

export function show(parent, ...children) {
  parent.replaceChildren();
  return fill(parent, null, children);
}
