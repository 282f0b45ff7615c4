/** Keeps the end of what a guest wrote on its console, and makes it fit for a report. */

/** More than this is forgotten, oldest first. */
export const CONSOLE_TAIL_BYTES = 64 * 1024;

export interface ConsoleTail {
  readonly append: (chunk: Buffer) => void;
  /** The last `lines` lines, without anything that a terminal would act upon. */
  text(lines: number): string;
}

export function createConsoleTail(): ConsoleTail {
  let kept = Buffer.alloc(0);
  return {
    append: (chunk) => {
      kept = Buffer.concat([kept, chunk]);
      if (kept.length > CONSOLE_TAIL_BYTES) kept = Buffer.from(kept.subarray(kept.length - CONSOLE_TAIL_BYTES));
    },
    text: (lines) =>
      escapeControls(kept.toString('utf8'))
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-lines)
        .join('\n'),
  };
}

/** The guest is not trusted: escape sequences could rewrite what a person sees in a terminal. Line feeds stay. */
export function escapeControls(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll('\r', '\n')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) =>
      character === '\n' ? '\n' : `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
    );
}
