// Before anything is drawn: the theme that was chosen here before, if one was.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("bespeak-theme");
  } catch {
    // storage is switched off: the system's theme holds
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
