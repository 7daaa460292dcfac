// Questions to the server; an answer that is out of date is thrown away by who asked.

export class Refused extends Error {}

export async function ask(path, parameters = {}) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return content(await fetch(`${path}?${new URLSearchParams(kept)}`, { headers: { Accept: "application/json" } }));
}

/** Changes something: the only question that does. */
export async function change(path, body) {
  return content(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));
}

async function content(answer) {
  if (answer.status === 401) {
    location.assign("/");
    throw new Refused("The token is asked for again.");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Refused(told.error || `The server answered ${answer.status}.`);
  return told;
}

/** Calls onChange with every message of the server, onState with true and false as the connection comes and goes. */
export function listen(onChange, onState) {
  const source = new EventSource("/api/events");
  source.addEventListener("change", (event) => onChange(JSON.parse(event.data)));
  source.addEventListener("open", () => onState(true));
  source.addEventListener("error", () => onState(false));
}
