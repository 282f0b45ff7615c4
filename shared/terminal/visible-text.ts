/** Texts of others, made harmless for a terminal. */

/** Control characters, line separators, what turns the direction of writing, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line: what could move the cursor, color, hide or begin another line is escaped. A tab becomes a space. */
export function visibleLine(text: string): string {
  return text
    .replaceAll('\t', ' ')
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Line breaks stay; each further line begins with `indent`, so that it never looks like words of ours. */
export function visibleText(text: string, indent: string): string {
  return text.trimEnd().split(/\r*\n/).map(visibleLine).join(`\n${indent}`);
}
