/**
 * SIGKILL at random moments of a fetch, again and again, over every kind of image: what comes out in the end is the disk, byte for
 * byte, and before that nothing has its name. EDGEBOOT_KILLS says how often.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { EDGEBOOT_AGENT } from '../../local/federation/program.ts';
import { makeFetchRepositories } from '../helpers/fetch-repositories.ts';
import { startNginx } from '../helpers/nginx.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const KILLS = Number(process.env['EDGEBOOT_KILLS'] ?? 40);
/** At this rate a disk takes some seconds, most of which are killed in. */
const MEGABITS_PER_SECOND = '60';
const MOST_KILL_MILLISECONDS = 1500;

test(`fault 28: ${KILLS} kills at random moments never yield a wrong disk`, { timeout: 1_800_000 }, async (t) => {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const { directory, disk, sources } = await makeFetchRepositories(folder.path);
  const { address } = await startNginx(t, directory);
  const output = join(folder.path, 'out.raw');
  const kinds = Object.values(sources);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 28), Buffer.alloc(16));
  const random = (below: number): number => cipher.update(Buffer.alloc(4)).readUInt32LE() % below;

  let kills = 0;
  let finished = 0;
  while (kills < KILLS || finished < kinds.length) {
    const source = `${address}/${kinds[finished % kinds.length] ?? ''}`;
    const args = ['fetch', source, '--output', output, '--bandwidth', MEGABITS_PER_SECOND];
    const child = spawn(EDGEBOOT_AGENT, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    const ended = once(child, 'close');
    // Once all kills are done, the rest runs to its end.
    const after = kills < KILLS ? random(MOST_KILL_MILLISECONDS) : undefined;
    const killer = after === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
    await ended;
    clearTimeout(killer);
    if (child.signalCode === 'SIGKILL') {
      kills++;
      // It may have ended well in the very last moment.
      const isThere = await stat(output).then(
        () => true,
        () => false,
      );
      if (!isThere) continue;
    } else assert.equal(child.exitCode, 0, words);
    await runCommandOrThrow('cmp', [disk, output]);
    await rm(output);
    finished++;
  }
  t.diagnostic(`${kills} kills, ${finished} disks`);
});
