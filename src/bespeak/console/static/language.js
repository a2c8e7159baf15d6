// Which language a report is read in: the address's (#en, #zh), else the browser's.
{
  const root = document.documentElement;
  const asked = location.hash.slice(1) || navigator.language.slice(0, 2);
  root.dataset.language = asked === "zh" ? "zh" : "en";
  root.lang = asked === "zh" ? "zh-CN" : "en";
}
