/** When a server asks to be left alone for a while, and says how long (RFC 9110, section 10.2.3): it travels as an error's cause. */
import { type Headers, textOf } from './http-answer.ts';

export class RetryAfter {
  readonly seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  /** `undefined` where the server says nothing, or nothing that is a time. */
  static from(headers: Headers, nowMilliseconds = Date.now()): RetryAfter | undefined {
    const wish = textOf(headers['retry-after']);
    if (/^\d{1,9}$/.test(wish)) return new RetryAfter(Number(wish));
    const at = wish.endsWith(' GMT') ? Date.parse(wish) : NaN;
    return Number.isNaN(at) ? undefined : new RetryAfter(Math.max(0, (at - nowMilliseconds) / 1000));
  }
}
