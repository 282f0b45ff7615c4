/** Checks what the agent needs on this host, a line each: ok, warn or fail, and the remedy. */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import type { AgentConfig } from './config.ts';
import type { AgentSession, HostDescription } from './ports.ts';

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly remedy?: string;
}

/** What the doctor looks at. Each throws where it cannot be had. */
export interface DoctorPorts {
  readonly probeAcceleration: () => Promise<HostDescription['acceleration']>;
  /** Programs that the agent runs and this host does not have. */
  readonly missingTools: () => Promise<readonly { readonly tool: string; readonly debianPackage: string }[]>;
  readonly describeHost: () => Promise<Pick<HostDescription, 'cpus' | 'memoryMiB'>>;
  /** Of the state directory's file system. */
  readonly freeBytes: () => Promise<number>;
  /** How far this host's clock is ahead of the API's, in seconds; negative when behind. */
  readonly clockSkewSeconds: () => Promise<number>;
  readonly openSession: () => Promise<AgentSession>;
  /** Messages that wait in the site's queue. */
  readonly queueDepth: () => Promise<number>;
  /** Edge locations, nearest first. */
  readonly measureEdges: (
    distributionUrl: string,
  ) => Promise<readonly { readonly address: string; readonly roundTripMilliseconds: number }[]>;
}

const WANTED_FREE_BYTES = 20 * 1024 ** 3;
/** Signatures and tokens bear a minute; beyond it requests are refused. */
const WARN_SKEW_SECONDS = 10;
const FAIL_SKEW_SECONDS = 60;
const DISTANT_MILLISECONDS = 100;
const DRIVER_REMEDIES = {
  libvirt:
    'Install libvirt-daemon-system and start libvirtd; check libvirtUri. Or choose the driver qemu, which needs neither.',
  qemu: 'Install qemu-system-x86 and iproute2; check qemuUser.',
};

/** A host without a federation is checked for what it needs itself. */
export async function doctor(
  config: Pick<AgentConfig, 'driver' | 'libvirtUri' | 'stateDirectory' | 'apiUrl'>,
  ports: DoctorPorts,
): Promise<Check[]> {
  return Promise.all([
    ...checkHost(config, ports),
    ...(config.apiUrl === undefined ? [] : checkFederation({ apiUrl: config.apiUrl }, ports)),
  ]);
}

function checkHost(
  config: Pick<AgentConfig, 'driver' | 'libvirtUri' | 'stateDirectory'>,
  ports: DoctorPorts,
): Promise<Check>[] {
  return [
    check(
      'kvm',
      'Enable virtualization in the firmware, load kvm_intel or kvm_amd, and let qemu open /dev/kvm.',
      async () => {
        const acceleration = await ports.probeAcceleration();
        if (acceleration === 'kvm') return ok('works');
        return { status: 'warn', detail: 'does not work here: guests run under emulation, many times slower' };
      },
    ),
    check('tools', 'Install the packages that the line names.', async () => {
      const missing = await ports.missingTools();
      if (missing.length === 0) return ok('every program that the agent runs is here');
      const packages = new Set(missing.map(({ debianPackage }) => debianPackage));
      const names = missing.map(({ tool }) => tool).join(', ');
      return { status: 'fail', detail: `missing: ${names} (apt-get install ${[...packages].join(' ')})` };
    }),
    check(config.driver, DRIVER_REMEDIES[config.driver], async () => {
      const { cpus, memoryMiB } = await ports.describeHost();
      const name = config.driver === 'libvirt' ? config.libvirtUri : 'plain processes';
      return ok(`${name}: ${cpus} CPUs, ${memoryMiB} MiB`);
    }),
    check('disk', 'Put stateDirectory on a file system with more space.', async () => {
      const freeBytes = await ports.freeBytes();
      const detail = `${config.stateDirectory}: ${(freeBytes / 1e9).toFixed(1)} GB free`;
      return freeBytes < WANTED_FREE_BYTES ? { status: 'warn', detail } : ok(detail);
    }),
  ];
}

function checkFederation(config: { readonly apiUrl: string }, ports: DoctorPorts): Promise<Check>[] {
  const session = once(ports.openSession);
  return [
    check('api', 'Check apiUrl and the network; enroll again if the agent is not known.', async () => {
      await session();
      return ok(`${config.apiUrl} knows this agent`);
    }),
    check('clock', 'Keep the clock right: install systemd-timesyncd or chrony.', async () => {
      const skew = await ports.clockSkewSeconds();
      const detail = `${Math.abs(skew).toFixed(1)} s ${skew < 0 ? 'behind' : 'ahead of'} the API`;
      if (Math.abs(skew) > FAIL_SKEW_SECONDS) return { status: 'fail', detail };
      return Math.abs(skew) > WARN_SKEW_SECONDS ? { status: 'warn', detail } : ok(detail);
    }),
    check('queue', 'Check that this host may reach SQS, and that the site is registered.', async () => {
      await session();
      return ok(`reachable, ${await ports.queueDepth()} messages wait`);
    }),
    check(
      'edges',
      'Check that this host may reach the distribution; list a nearer DNS server under resolvers.',
      async () => {
        const [nearest, ...others] = await ports.measureEdges((await session()).distributionUrl);
        if (nearest === undefined) return { status: 'fail', detail: 'no edge location answers' };
        const roundTrip = `${nearest.roundTripMilliseconds.toFixed(1)} ms`;
        const detail = `nearest ${nearest.address} at ${roundTrip}, ${others.length} others`;
        return nearest.roundTripMilliseconds > DISTANT_MILLISECONDS ? { status: 'warn', detail } : ok(detail);
      },
    ),
  ];
}

export function formatCheck({ name, status, detail, remedy }: Check): string {
  const line = `${status.padEnd(4)}  ${name.padEnd(8)}  ${detail}`;
  return remedy === undefined ? line : `${line}\n                → ${remedy}`;
}

const ok = (detail: string) => ({ status: 'ok' as const, detail });

/** Whatever a check throws is a failure; the remedy is shown unless all is well. */
async function check(
  name: string,
  remedy: string,
  look: () => Promise<{ readonly status: Check['status']; readonly detail: string }>,
): Promise<Check> {
  try {
    const { status, detail } = await look();
    return status === 'ok' ? { name, status, detail } : { name, status, detail, remedy };
  } catch (error) {
    const ours = error instanceof EdgebootError && error.code === 'INVALID_CONFIG' ? error.remedy : remedy;
    return { name, status: 'fail', detail: boundedText(messageOf(error)), remedy: ours };
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
