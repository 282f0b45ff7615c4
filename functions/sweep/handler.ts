import { composeSweep } from '../compose.ts';
import { sweep } from './sweep.ts';

const ports = composeSweep();

export const handler = () => sweep(ports);
