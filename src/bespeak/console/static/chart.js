// Charts: Vega-Lite specifications in the page's own colours, drawn by the library that the server
// takes out of its Python package. It is fetched only by pages that draw.

import { h } from "./dom.js";
import { chartLocale, say } from "./words.js";

let library = null;

function fetchLibrary() {
  library ??= new Promise((done, failed) => {
    const script = h("script", { src: `/console/vega.js?v=${document.documentElement.dataset.vega}`, onload: () => done(window.vegaEmbed), onerror: failed });
    document.head.append(script);
  });
  return library;
}

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function config() {
  const [ink, soft, line] = [colour("ink"), colour("soft"), colour("line")];
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: "transparent", font, padding: { left: 0, right: 4, top: 4, bottom: 0 },
    view: { stroke: "transparent" },
    axis: { labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFont: font, titleFont: font,
            labelFontSize: 11.5, titleFontSize: 11.5, titleFontWeight: "normal", gridDash: [2, 3], labelPadding: 6, ticks: false, domain: false },
    axisX: { grid: false }, title: { color: ink, font, fontSize: 12.5, fontWeight: 600, anchor: "start", offset: 8 },
    range: { category: [colour("thread"), colour("brass-line")] },
  };
}

/** A chart in a box of its own. make(): the specification, asked again when the theme changes. */
export function chart(label, height, make) {
  const box = h("div", { class: "chart", role: "img", "aria-label": label, style: { "min-height": `${height}px` } });
  let drawn = null;
  const draw = async () => {
    try {
      const embed = await fetchLibrary();
      drawn?.finalize();
      drawn = await embed(box, { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height, autosize: { type: "fit", contains: "padding" }, ...make() }, {
        actions: false, ast: true, defaultStyle: false, renderer: "svg", config: config(), timeFormatLocale: chartLocale(),
        tooltip: { disableDefaultStyle: true, theme: "custom" },
      });
      box.dataset.drawn = colour("ink"); // in which theme
    } catch (error) {
      console.error(error);
      box.replaceChildren(h("p", { class: "soft" }, say("chart.failed")));
    }
  };
  // the box must be in the page before its width is known
  const seen = new ResizeObserver(() => { if (box.clientWidth && !drawn) { seen.disconnect(); draw(); } });
  seen.observe(box);
  document.documentElement.addEventListener("themechange", () => { if (drawn) draw(); });
  return box;
}
