/** Requests in the background: few at a time, slower than the service's rate limit, again after a refusal. */

const IN_FLIGHT = 2;
/** Share of the rate limit that the queue uses; the rest is for what visitors do meanwhile. */
const SHARE = 0.75;
/** Share of the requests at once that the queue uses. */
const BURST_SHARE = 1 / 6;
const MAX_TRIES = 20;

/** @param {{requests_per_minute: number, burst: number}} limits of the service; 0 requests: no limit */
export function createQueue({ requests_per_minute: rate, burst }) {
  const waiting = [];
  const pace = createPace(rate * SHARE, Math.max(1, burst * BURST_SHARE));
  let running = 0;
  let resumeAt = 0;
  let timer;

  /** Make a request later; the promise settles with its outcome, except for refusals that ask to come back. */
  function add(send) {
    return new Promise((resolve, reject) => {
      waiting.push({ send, resolve, reject, tries: 0 });
      next();
    });
  }

  function next() {
    clearTimeout(timer);
    while (running < IN_FLIGHT && waiting.length) {
      const wait = Math.max(resumeAt - Date.now(), pace.wait());
      if (wait > 0) {
        timer = setTimeout(next, wait);
        return;
      }
      pace.count();
      start(waiting.shift());
    }
  }

  async function start(task) {
    running += 1;
    try {
      task.resolve(await task.send());
    } catch (error) {
      task.tries += 1;
      if (error.retryAfterS && task.tries < MAX_TRIES) {
        resumeAt = Math.max(resumeAt, Date.now() + 1000 * error.retryAfterS);
        waiting.unshift(task);
      } else {
        task.reject(error);
      }
    }
    running -= 1;
    next();
  }

  /** @returns {number} seconds until the service accepts requests again, as far as it has said */
  const pauseS = () => Math.max(0, Math.ceil((resumeAt - Date.now()) / 1000));

  /** Forget the requests that have not begun. */
  function clear() {
    waiting.length = 0;
  }

  return { add, clear, pauseS };
}

/** Token bucket: how long to wait for the next request. */
export function createPace(perMinute, burst) {
  const perMs = perMinute / 60_000;
  let tokens = burst;
  let last = Date.now();

  function wait() {
    if (!perMinute) return 0;
    const now = Date.now();
    tokens = Math.min(burst, tokens + (now - last) * perMs);
    last = now;
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / perMs);
  }

  return { wait, count: () => (tokens -= 1) };
}
