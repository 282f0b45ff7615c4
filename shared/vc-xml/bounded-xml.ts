/**
 * Untrusted XML as a plain tree. Refused before it is parsed: too many bytes, anything that could declare or include something
 * (DOCTYPE, entities), processing instructions. While it is parsed: depth and count of elements. saxes checks that the document is
 * well-formed, knows the five entities of XML and no others, and fetches nothing.
 */
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { EdgebootError, messageOf } from '../errors.ts';
import { boundedText } from '../log-fields.ts';

export const MAX_XML_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
/** Enough for the largest number of parts of a frontend and its computes, twice over. */
const MAX_ELEMENTS = 20_000;

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Of the element itself, without that of its children and without white space around it. */
  readonly text: string;
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/** @returns the root element. Throws IMAGE_NOT_COMPLIANT. */
export function parseBoundedXml(bytes: Uint8Array): XmlElement {
  const text = decode(bytes);
  refuseDeclarations(text);
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;

  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw refused(`is not well-formed: ${boundedText(error.message)}`);
  });
  parser.on('opentag', ({ name, attributes }: SaxesTagPlain) => {
    elements++;
    if (elements > MAX_ELEMENTS) throw refused(`has more than ${MAX_ELEMENTS} elements`);
    if (open.length >= MAX_DEPTH) throw refused(`is nested deeper than ${MAX_DEPTH} elements`);
    open.push({ name, attributes, children: [], text: '' });
  });
  const addText = (more: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed === undefined) return;
    closed.text = closed.text.trim();
    const parent = open.at(-1);
    if (parent === undefined) root = closed;
    else parent.children.push(closed);
  });
  parser.write(text).close();
  if (root === undefined) throw refused('has no element');
  return root;
}

function decode(bytes: Uint8Array): string {
  if (bytes.length > MAX_XML_BYTES) throw refused(`has more than ${MAX_XML_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(`is not UTF-8: ${messageOf(error)}`);
  }
}

/** Wherever they stand, in a comment too: no honest description has them there. */
function refuseDeclarations(text: string): void {
  if (/<!(?!--|\[CDATA\[)/.test(text)) throw refused('has a DOCTYPE or another declaration, which is not allowed');
  const instruction = text.indexOf('<?', /^<\?xml\s/.test(text) ? 1 : 0);
  if (instruction !== -1) throw refused('has a processing instruction, which is not allowed');
}

function refused(why: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', `The description of the virtual cluster ${why}.`, {
    remedy: 'Ask whoever maintains the repository to correct the description.',
  });
}
