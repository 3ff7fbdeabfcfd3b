/** Requests to the server. */

/** Ask the server; the message of an error has no full stop at its end. */
export async function ask(address, options) {
  const reply = await fetch(address, options).catch(() => {
    throw new Error("the server does not answer; check that make review is still running");
  });
  const answer = await reply.json().catch(() => ({ error: `the server answers ${reply.status}` }));
  if (!reply.ok) throw new Error(String(answer.error).replace(/\.$/, ""));
  return answer;
}

export function post(address, body) {
  const headers = { "Content-Type": "application/json" };
  return ask(address, { method: "POST", headers, body: JSON.stringify(body) });
}
