import type { Fetch } from '../connection/artifacts.js';

/** HTTP dates have whole seconds, and an answer takes its time: less than this says nothing. */
const NOTICEABLE = 5_000;

/**
 * Watches how far the coordinator's clock is from this one's, by the dates of its answers. Deadlines of a round are points in time: a
 * clock that is minutes off sees them pass before they come.
 *
 * @param now - Unix time in milliseconds
 * @param observe - told by how many milliseconds the coordinator's clock is ahead, where that is more than 5 s
 */
export function watchingClock(request: Fetch, now: () => number, observe: (ahead: number) => void): Fetch {
  return async (url, init) => {
    const asked = now();
    const response = await request(url, init);
    const answered = now();
    const date = Date.parse(response.headers.get('date') ?? '');
    // The date was cut to its second, and was read somewhere between question and answer.
    const ahead = date + 500 - (asked + answered) / 2;
    if (Math.abs(ahead) > NOTICEABLE + (answered - asked) / 2) observe(Math.round(ahead));
    return response;
  };
}
