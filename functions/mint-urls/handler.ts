import { composeMintUrls } from '../compose.ts';
import { mintUrls } from './mint-urls.ts';

const ports = composeMintUrls();

/** Invoked by the functions that may ask, never through the HTTP API. */
export const handler = (event: unknown) => mintUrls(event, ports);
