// Every text and number that a person reads, in their language.

const { language } = document.documentElement.dataset;
const locale = language === "zh" ? "zh-CN" : "en-GB";
const brief = language === "zh" ? "zh-CN" : "en-US"; // 1.2M, not 1.2m
let texts = {};
let currency = "XXX";

export async function learn() {
  const { version } = document.documentElement.dataset;
  learnt(await (await fetch(`/console/static/${version}/texts/${language}.json`)).json());
}

/** These are the texts; their language is the page's. */
export const learnt = (given) => (texts = given);

export const zh = language === "zh";
export const useCurrency = (code) => (currency = code);
export const has = (key) => key in texts;

/** The text of `key`, its {holes} filled. A key that is not there is a mistake, and is said. */
export function say(key, values) {
  const text = texts[key];
  if (text === undefined) {
    console.error(`no text for ${key}`);
    return `⟨${key}⟩`;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values?.[name] ?? ""));
}

const plural = new Intl.PluralRules(locale);

/** `key.one` or `key.other`, with {n} as a number. */
export function count(key, n, values) {
  const form = plural.select(n) === "one" && has(`${key}.one`) ? "one" : "other";
  return say(`${key}.${form}`, { ...values, n: number(n) });
}

/** What both languages were given by the server. */
export const pick = (words) => (words ? words[language] : "");

/** The text of a code that stages made up (`missing_price`), else the code made readable. */
export function named(prefix, code) {
  if (has(`${prefix}.${code}`)) return say(`${prefix}.${code}`);
  const [kind, rest] = [code.match(/^(missing|outlier)[_:](.+)$/)?.[1], code.match(/^(?:missing|outlier)[_:](.+)$/)?.[1]];
  if (kind && has(`${prefix}.${kind}`)) return say(`${prefix}.${kind}`, { column: column(rest) });
  return code.replaceAll("_", " ");
}

export const column = (name) => (has(`column.${name}`) ? say(`column.${name}`) : name.replaceAll("_", " "));

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(brief, { notation: "compact", maximumSignificantDigits: 3 });
const some = (digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits });

export const number = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const compact = (n) => (n === null || n === undefined ? "–" : Math.abs(n) < 1e6 ? whole.format(n) : short.format(n));
export const decimal = (n, digits = 1) => (n === null || n === undefined ? "–" : some(digits).format(n));
export const fixed = (n, digits) =>
  n === null || n === undefined ? "–" : new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);

export function percent(share, digits) {
  if (share === null || share === undefined) return "–";
  const wanted = digits ?? (share > 0 && share < 0.1 ? 1 : 0);
  // what is almost all is not all, and what is almost none is not none
  if (share > 0 && share < 0.0005 && digits === undefined) return say("tiny", { share: percent(0.001, 1) });
  if (share < 1 && share > 0.995 && wanted === 0) return percent(Math.min(share, 0.999), 1);
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: wanted }).format(share);
}

const money_ = (options) =>
  currency === "XXX"
    ? new Intl.NumberFormat(locale, { maximumFractionDigits: 2, minimumFractionDigits: 2, ...options })
    : new Intl.NumberFormat(options?.notation ? brief : locale, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...options });

export function money(n) {
  if (n === null || n === undefined) return "–";
  return Math.abs(n) >= 10_000 ? money_({ maximumFractionDigits: 0, minimumFractionDigits: 0 }).format(n) : money_().format(n);
}

export const moneyShort = (n) =>
  n === null || n === undefined ? "–"
  : Math.abs(n) < 1e6 ? money_({ maximumFractionDigits: 0, minimumFractionDigits: 0 }).format(n)
  : money_({ notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: undefined, maximumSignificantDigits: 3 }).format(n);

export const currencySign = () =>
  currency === "XXX" ? "" : money_().formatToParts(1).find((part) => part.type === "currency")?.value ?? currency;

const days = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const daysNamed = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" });
const moment_ = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

export const day = (iso) => (iso ? days.format(new Date(iso)) : "–");
export const dayNamed = (iso) => daysNamed.format(new Date(iso));
export const time = (iso) => clock.format(new Date(iso));
/** A moment of the wall clock (a run), in the reader's own zone. */
export const moment = (iso) => (iso ? moment_.format(new Date(iso)) : "–");

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const STEPS = [["year", 365], ["month", 30.4], ["week", 7], ["day", 1]];

/** How long before the data end something was: `3 days ago`, counted from the data, not from now. */
export function before(iso, end) {
  if (!iso) return "–";
  const gone = Math.max(0, (new Date(end) - new Date(iso)) / 86_400_000);
  const [unit, size] = STEPS.find(([name, length]) => gone >= (name === "day" ? 0 : length * 2)) ?? STEPS[3];
  return relative.format(-Math.floor(gone / size), unit);
}

export function seconds(n) {
  if (n === null || n === undefined) return "–";
  if (n < 0.0995) return say("unit.ms", { n: whole.format(Math.max(1, n * 1000)) });
  if (n < 99.5) return say("unit.s", { n: some(n < 9.95 ? 1 : 0).format(n) });
  return say("unit.min", { n: some(1).format(n / 60) });
}

/** A feature's value by its kind. */
export function value(feature, v) {
  if (v === null || v === undefined) return say("undefined");
  if (typeof v === "boolean") return say(v ? "yes" : "no");
  if (typeof v === "string") return v;
  if (feature.kind === "money") return money(v);
  if (feature.kind === "share") return percent(v);
  if (feature.kind === "count") return number(v);
  if (feature.kind === "days") return say(v === 1 && has("days.one") ? "days.one" : "days.other", { n: decimal(v, v < 10 ? 1 : 0) });
  return decimal(v, Math.abs(v) < 10 ? 2 : 1);
}

/** The chart library's own words. */
export const chartLocale = () => {
  const months = [...Array(12).keys()].map((at) => new Date(Date.UTC(2024, at, 15)));
  const week = [...Array(7).keys()].map((at) => new Date(Date.UTC(2024, 8, 1 + at)));
  const format = (dates, options) => dates.map((date) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).format(date));
  return {
    dateTime: "%x %X", date: "%Y-%m-%d", time: "%H:%M", periods: ["AM", "PM"],
    days: format(week, { weekday: "long" }), shortDays: format(week, { weekday: "short" }),
    months: format(months, { month: "long" }), shortMonths: format(months, { month: "short" }),
  };
};
