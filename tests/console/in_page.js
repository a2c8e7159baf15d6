// What a page must be, asked of the page itself. Returns a list of complaints.
() => {
  const complaints = [];
  const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const rgba = (colour) => {
    if (!seen.has(colour)) {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
      seen.set(colour, [r, g, b, a / 255]);
    }
    return seen.get(colour);
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const readable = (element) => element.checkVisibility({ checkOpacity: true }) && !element.closest(".unseen, .skip, svg[aria-hidden=true]") && element.getBoundingClientRect().width > 1;
  const shownText = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = node.textContent.trim();
    const element = node.parentElement;
    if (!text || element.closest("script, style, noscript") || !element.checkVisibility({ checkVisibilityCSS: true })) continue;
    shownText.push(text);
    if (!readable(element)) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const front = over(rgba(element.closest("svg") ? style.fill : style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) complaints.push(`contrast ${contrast.toFixed(2)}: ${text.slice(0, 50)}`);
    if (/\d\.\d{5,}/.test(text)) complaints.push(`raw number: ${text.slice(0, 50)}`);
    if (text.includes("⟨") || /\b(undefined|null|NaN)\b/.test(text)) complaints.push(`unfinished text: ${text.slice(0, 50)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) {
    const widest = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"));
    complaints.push(`${wide} px too wide: ${widest.slice(0, 3).map((e) => e.className || e.tagName).join(", ")}`);
  }
  for (const box of document.querySelectorAll(".card, .stat, .chip, button, h1, h2")) {
    if (box.checkVisibility() && box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "visible" && box.clientWidth)
      complaints.push(`text runs out of ${box.className || box.tagName}: ${box.textContent.slice(0, 40)}`);
  }
  for (const control of document.querySelectorAll("button, a:not([aria-hidden=true]), input")) {
    const name = control.getAttribute("aria-label") || control.labels?.[0]?.textContent || control.textContent.trim() || control.title;
    if (!name) complaints.push(`no name: ${control.outerHTML.slice(0, 80)}`);
  }
  if (document.querySelectorAll("h1").length !== 1) complaints.push("not one h1");
  if (document.querySelector("[aria-busy=true]")) complaints.push("still busy");
  if (document.querySelector("main img, main script")) complaints.push("markup from data");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) complaints.push("an id twice");
  return { complaints: [...new Set(complaints)], text: shownText };
}
