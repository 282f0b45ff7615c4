/** A site's agent that only fetches: the real one, which boots nothing because nobody asks it to. */
import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import type { Warming } from '#shared/warming.ts';
import { SiteAgent } from '../../../local/federation/site-agent.ts';
import { ask } from '../people.ts';
import { need, type Run, type Step } from '../step.ts';
import { IMAGE_NAME, SITE } from './names.ts';

export const FETCH: readonly Step[] = [
  {
    name: 'enroll and start an agent here',
    why: "the site's agent as a process, with the driver for hosts without libvirt; it makes no network and no machine",
    makes: ({ queues }) => [`the queue ${queues}site-${SITE}`, 'a process here, ended before anything is removed'],
    costs: 'a poll of the queue every 20 seconds, two requests to the API a minute',
    run: async (run) => {
      const token = await ask<{ enrollmentToken: string }>(
        run,
        'operator',
        'site',
        'register',
        SITE,
        '--group',
        'members',
      );
      const directory = path.join(run.folder, 'site');
      await mkdir(directory, { mode: 0o711 });
      const agent = new SiteAgent({
        siteId: SITE,
        directory,
        apiUrl: need(run, 'deployed').apiUrl,
        host: { driver: 'qemu', qemuUser: userInfo().username },
        resolvers: run.target.resolvers,
      });
      await agent.configure();
      await agent.enroll(token.enrollmentToken);
      run.local.use(agent);
      await agent.start();
      run.counts.agentBegan = performance.now();
      return `the agent of ${SITE} polls`;
    },
    undo: [],
  },
  {
    name: 'fetch the image through the edge',
    why: 'message, signed URLs, nearest edge, digests, assembly: all of the way but machines (edgeboot image warm --keep)',
    makes: () => ['the disk, in the temporary folder'],
    costs: 'about thirty requests at the edge, about a megabyte out of it',
    run: async (run) => {
      const [cold, again] = [await warm(run), await warm(run)];
      const kept = await warm(run, '--keep');
      const keptAgain = await warm(run, '--keep');
      if (cold.bytesFetched === 0 || kept.bytesFetched === 0 || keptAgain.bytesFetched !== 0) {
        const bytes = [cold, kept, keptAgain].map(({ bytesFetched }) => bytesFetched);
        throw new EdgebootError('INTERNAL', `cold, kept and kept again fetched ${bytes.join(', ')} bytes`);
      }
      return [
        `${cold.bytesFetched} bytes from ${cold.edgeLocations.join(', ')}`,
        `hits ${cold.cacheHits} of ${cold.partsFetched} at first, ${again.cacheHits} of ${again.partsFetched} after that`,
        'what is kept is not fetched again',
      ].join('; ');
    },
    undo: [],
  },
];

async function warm(run: Run, ...more: readonly string[]): Promise<NonNullable<Warming['outcome']>> {
  const asked = ['image', 'warm', IMAGE_NAME, '--site', SITE, '--wait', ...more];
  const { outcome, phase } = await ask<Warming>(run, 'member', ...asked);
  if (outcome === undefined) throw new EdgebootError('INTERNAL', `the warming ended as ${phase}`);
  // The manifest is asked for besides, as long as it is not kept.
  run.counts.edgeRequests += outcome.partsFetched + 1;
  run.counts.edgeBytes += outcome.bytesFetched;
  return outcome;
}
