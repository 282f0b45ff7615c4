/**
 * Hears when a guest is ready: READY on its virtio-serial port; of guests that know nothing of us, a frontend's SSH banner, and a
 * compute's ARP. While it waits it keeps the end of the console's text, which tells why a guest did not come up.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgebootError } from '#shared/errors.ts';
import { createConsoleTail } from '../core/console-tail.ts';
import type { GuestSignals, PrivateLink, ReadySign } from '../ports.ts';
import { awaitArp } from './await-arp.ts';

const RETRY_SECONDS = 0.25;
const SSH_PORT = 22;
const KIT_GRACE_SECONDS = 10;
/** So long a kernel holds on to it that nobody has answered for an address; in many networks the agent's host cannot reach guests at all. */
const REACH_GRACE_SECONDS = 3;
const BANNER_LINE = /^SSH-2\.0-/;
const BANNER_TIMEOUT_SECONDS = 5;
/** Nobody who is well-behaved says more on one line. */
const MAX_LINE_LENGTH = 1024;
const READY_LINE = /^READY(?: |$)/;
const REPORTED_CONSOLE_LINES = 20;

export interface GuestSignalsOptions {
  /** Where a frontend answers with its SSH banner. */
  readonly sshPort?: number;
  /** A compute whose network is up gets this long to say READY, which tells more: its services run. */
  readonly kitGraceSeconds?: number;
  /** A frontend that says READY gets this long to be reached from here, too. */
  readonly reachGraceSeconds?: number;
}

export function createGuestSignals(options: GuestSignalsOptions = {}): GuestSignals {
  const sshPort = options.sshPort ?? SSH_PORT;
  const kitGraceSeconds = options.kitGraceSeconds ?? KIT_GRACE_SECONDS;
  const reachGraceSeconds = options.reachGraceSeconds ?? REACH_GRACE_SECONDS;
  return {
    awaitReady: async (node, timeoutSeconds, signal) => {
      signal.throwIfAborted();
      const done = new AbortController();
      const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
      const until = AbortSignal.any([signal, timeout, done.signal]);
      const consoleTail = createConsoleTail();
      const listening = retry(until, () => readSocket(connect(node.consoleSocket), until, consoleTail.append));
      const { publicAddress, privateLink } = node;
      const signs = [
        retry<ReadySign>(until, () => awaitLine(connect(node.readySocket), until, READY_LINE, 'guest-kit')),
        ...(publicAddress === undefined
          ? []
          : [retry<ReadySign>(until, () => awaitBanner(publicAddress, sshPort, until))]),
        ...(privateLink === undefined
          ? []
          : [retry<ReadySign>(until, () => awaitArpOrKit(privateLink, kitGraceSeconds, until))]),
      ];
      try {
        const sign = await firstOf(signs);
        signal.throwIfAborted();
        if (sign === 'guest-kit' && publicAddress !== undefined) {
          const grace = AbortSignal.any([signal, AbortSignal.timeout(reachGraceSeconds * 1000)]);
          await retry(grace, () => reach(publicAddress, sshPort, grace));
          signal.throwIfAborted();
        }
        if (sign !== undefined) return sign;
        const tail = consoleTail.text(REPORTED_CONSOLE_LINES);
        throw new EdgebootError(
          'BOOT_TIMEOUT',
          `${node.name} was not ready within ${timeoutSeconds} s; ` +
            (tail === '' ? 'its console said nothing' : `the end of its console:\n${tail}`),
        );
      } finally {
        done.abort();
        await Promise.all([listening, ...signs]);
      }
    },
  };
}

/** The first value that is one; `undefined` when none is. */
function firstOf<Value>(awaited: readonly Promise<Value | undefined>[]): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const values = awaited.map(async (one) => {
      const value = await one;
      if (value !== undefined) resolve(value);
    });
    Promise.all(values).then(() => resolve(undefined), reject);
  });
}

/** Tries again until there is a value. `undefined` when time is up. */
async function retry<Value>(until: AbortSignal, attempt: () => Promise<Value | undefined>): Promise<Value | undefined> {
  while (!until.aborted) {
    const value = await attempt();
    if (value !== undefined) return value;
    await delay(RETRY_SECONDS * 1000, undefined, { signal: until }).catch(() => undefined);
  }
  return undefined;
}

/** Resolves when the connection ended, for whatever reason: nobody listening yet is no news. */
async function readSocket(socket: Socket, until: AbortSignal, onData: (chunk: Buffer) => void): Promise<undefined> {
  const stop = (): void => void socket.destroy();
  until.addEventListener('abort', stop);
  try {
    await new Promise<void>((resolve) => {
      socket.on('data', onData);
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      if (until.aborted) stop();
    });
  } finally {
    until.removeEventListener('abort', stop);
  }
  return undefined;
}

async function awaitLine<Value>(
  socket: Socket,
  until: AbortSignal,
  pattern: RegExp,
  value: Value,
): Promise<Value | undefined> {
  let line = '';
  let found: Value | undefined;
  await readSocket(socket, until, (chunk) => {
    const lines = (line + chunk.toString('latin1')).split('\n');
    line = (lines.pop() ?? '').slice(-MAX_LINE_LENGTH);
    if (!lines.some((complete) => pattern.test(complete.trimEnd()))) return;
    found = value;
    socket.destroy();
  });
  return found;
}

/** A port that accepts is no sign yet, nor are other words: only SSH's own greeting is. */
function awaitBanner(address: string, port: number, until: AbortSignal): Promise<ReadySign | undefined> {
  const soon = AbortSignal.any([until, AbortSignal.timeout(BANNER_TIMEOUT_SECONDS * 1000)]);
  const socket = connect({ host: address, port });
  return awaitLine<ReadySign>(socket, soon, BANNER_LINE, 'ssh-banner');
}

/**
 * Its kernel answers, whether somebody listens there or not. This one may have asked for the address when nobody had it: until it asks
 * again, whoever connects from here is told that there is no route.
 */
async function reach(host: string, port: number, until: AbortSignal): Promise<true | undefined> {
  const socket = connect({ host, port });
  const outcome: { isThere?: true } = {};
  socket.once('connect', () => {
    outcome.isThere = true;
    socket.destroy();
  });
  socket.once('error', (error) => {
    if ('code' in error && error.code === 'ECONNREFUSED') outcome.isThere = true;
  });
  await readSocket(socket, until, () => undefined);
  return outcome.isThere;
}

/** A network that is up is a weaker sign than READY: where the kit is there, that comes first. */
async function awaitArpOrKit(
  link: PrivateLink,
  kitGraceSeconds: number,
  until: AbortSignal,
): Promise<ReadySign | undefined> {
  if (!(await awaitArp(link, until))) return undefined;
  await delay(kitGraceSeconds * 1000, undefined, { signal: until }).catch(() => undefined);
  return 'arp';
}
