// Questions to the server. Every failure is an ApiError with the server's own code.

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { headers: { accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("Unreachable", "the server does not answer");
  }
  let said;
  try {
    said = await answer.json();
  } catch {
    throw new ApiError("Unreadable", `the answer is no JSON (${answer.status})`);
  }
  if (!answer.ok) throw new ApiError(said.error?.code ?? "Internal", said.error?.message ?? "");
  return said;
}

const query = (parameters) => {
  const text = new URLSearchParams(Object.entries(parameters ?? {}).filter(([, value]) => value !== undefined)).toString();
  return text ? `?${text}` : "";
};

export const get = (path, parameters, options) => ask(path + query(parameters), options);

export const post = (path, body, options) =>
  ask(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" }, ...options });

/** A function that forgets every question but the latest: stale answers never overwrite new ones. */
export function latest(question) {
  let running = null;
  const asking = async (...given) => {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await question(mine.signal, ...given);
      return mine.signal.aborted ? null : answer;
    } catch (error) {
      if (error.name === "AbortError" || mine.signal.aborted) return null;
      throw error;
    }
  };
  asking.cancel = () => running?.abort();
  return asking;
}

/** An answer, and the milliseconds it took on the wire. */
export async function timed(asking) {
  const started = performance.now();
  const answer = await asking;
  const last = performance.getEntriesByType("resource").findLast((entry) => entry.name.includes("/recommendations"));
  const wire = last && last.startTime >= started - 50 ? last.responseEnd - last.requestStart : performance.now() - started;
  return [answer, Math.max(1, Math.round(wire))];
}

export const path = (...parts) => "/" + parts.map(encodeURIComponent).join("/");
