import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createHttpAgent } from '../../../edge-agent/repositories/http-agent.ts';
import { exchange } from '../../../edge-agent/repositories/http-exchange.ts';

const BODY = Buffer.alloc(5_000_000, 'a virtual cluster ');

/** How long whoever takes a piece makes the server wait. */
const WAITS: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
  'not at all': () => undefined,
  'no time': () => Promise.resolve(),
  'until the next turn': () => new Promise((resolve) => setImmediate(resolve)),
};

for (const [name, wait] of Object.entries(WAITS)) {
  test(
    `answers come whole, on one connection, where each piece makes the server wait ${name}`,
    { timeout: 20_000 },
    async (t) => {
      const server = createServer((_, response) => response.end(BODY)).listen(0, '127.0.0.1');
      const dispatcher = createHttpAgent(1);
      t.after(async () => {
        await dispatcher.destroy();
        server.close();
      });
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const request = { method: 'GET', headers: {}, dispatcher, signal: t.signal } as const;
      for (let time = 0; time < 3; time++) {
        const pieces: Buffer[] = [];
        const body = await exchange(url, request, () => ({
          take(bytes) {
            assert.ok(bytes.length > 0);
            pieces.push(Buffer.from(bytes));
            return wait();
          },
          end: () => Buffer.concat(pieces),
        }));
        assert.ok(body.equals(BODY));
      }
    },
  );
}
