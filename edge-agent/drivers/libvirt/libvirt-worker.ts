/** The worker process of the libvirt driver: takes requests, answers each in turn, ends with whoever started it. */
import { messageOf } from '#shared/errors.ts';
import { loadLibvirt } from './libvirt-library.ts';
import { createSession, type LibvirtSession } from './libvirt-session.ts';
import type { RequestMessage, ResponseMessage } from './protocol.ts';

const [, , uri] = process.argv;
const send = process.send?.bind(process);
if (uri === undefined || send === undefined) throw new Error('this file is started by the libvirt driver only');

const open = (): LibvirtSession | undefined => {
  try {
    return createSession(loadLibvirt(), uri);
  } catch (error) {
    send({ kind: 'unusable', message: messageOf(error) } satisfies ResponseMessage);
    return undefined;
  }
};

const session = open();

const answer = ({ id, request }: RequestMessage, served: LibvirtSession): ResponseMessage => {
  try {
    return { kind: 'done', id, value: served.serve(request) };
  } catch (error) {
    return { kind: 'failed', id, ...served.explain(error) };
  }
};

process.on('message', (message: RequestMessage) => {
  if (session === undefined) return;
  // Whoever asked may have been killed meanwhile: then nobody hears, and `disconnect` follows.
  send(answer(message, session), undefined, undefined, () => undefined);
});
process.on('disconnect', () => {
  session?.close();
});
// Ctrl-C and the end of a service are told to us, too. Whoever started us clears away what was begun, and needs us for that.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
