/** Looking things up in a parsed description; what is there twice or makes no sense is refused. */
import { EdgebootError } from '../errors.ts';
import { boundedText } from '../log-fields.ts';
import type { XmlElement } from './bounded-xml.ts';

const MAX_QUOTED_CHARACTERS = 100;

export function notCompliant(message: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', message);
}

/** A word of the description, fit to be shown. */
export function quoted(text: string): string {
  const bounded = boundedText(text);
  return `“${bounded.length > MAX_QUOTED_CHARACTERS ? `${bounded.slice(0, MAX_QUOTED_CHARACTERS)}…` : bounded}”`;
}

export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** However deep they lie. */
export function descendantsOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...descendantsOf(child, name)]);
}

/** The element at the end of a path of names, each of which may be there once. Throws IMAGE_NOT_COMPLIANT. */
export function onlyAt(element: XmlElement, ...names: readonly string[]): XmlElement | undefined {
  let found: XmlElement | undefined = element;
  for (const name of names) {
    const [first, second] = childrenOf(found, name);
    if (second !== undefined) throw notCompliant(`The description has two elements <${name}> where one may be.`);
    found = first;
  }
  return found;
}

/** Attributes live in an object that the parser made: only its own properties are attributes. */
export function attributeOf(element: XmlElement | undefined, name: string): string | undefined {
  return element !== undefined && Object.hasOwn(element.attributes, name) ? element.attributes[name] : undefined;
}

/** A whole number within bounds. Throws IMAGE_NOT_COMPLIANT. */
export function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw notCompliant(`The description gives ${quoted(text)} as ${what}: not a number from ${least} to ${most}.`);
}
