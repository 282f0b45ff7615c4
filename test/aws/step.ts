/** What a verification consists of: steps as data, so that the plan that is shown is what runs. */
import type { RunKeys } from './keys.ts';
import type { Counts } from './cost.ts';
import type { StageNames } from './names.ts';
import type { Deployed, Target } from './target.ts';
import type { Grant } from '#shared/grant.ts';
import type { Member } from '../../local/federation/member.ts';
import type { ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';

/** Takes something away; does nothing where it is gone already. Needs no memory of the run that made it. */
export interface Removal {
  readonly name: string;
  readonly why: string;
  readonly run: (target: Target) => Promise<void>;
}

export interface Step {
  readonly name: string;
  readonly why: string;
  /** What is there afterwards that was not there before, by name. */
  readonly makes: (names: StageNames) => readonly string[];
  /** What AWS asks money for. */
  readonly costs: string;
  /** True for what only a real account can show: no test here has seen it. */
  readonly isUnseen?: boolean;
  /** Answers what it saw, in a line. */
  readonly run: (run: Run) => Promise<string>;
  /** Due as soon as the step begins; in this order. */
  readonly undo: readonly Removal[];
}

export interface Teller {
  say(words: string): void;
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** What earlier steps found out or made. */
export interface Facts {
  keys?: RunKeys;
  deployed?: Deployed;
  member?: Member;
  operator?: Member;
  image?: ImageVersion;
  grant?: Grant;
}

export interface Run {
  readonly target: Target;
  /** Of this run alone, gone when it ends. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly teller: Teller;
  /** Programs and connections of this machine: ended before anything is removed. */
  readonly local: AsyncDisposableStack;
  readonly counts: Counts;
  readonly facts: Facts;
  /** Throws CANCELED where the person does not want it. */
  readonly confirm: () => Promise<void>;
}

/** What an earlier step has left. */
export function need<Name extends keyof Facts>(run: Run, name: Name): NonNullable<Facts[Name]> {
  const fact = run.facts[name];
  if (fact !== undefined) return fact;
  throw new EdgebootError('INTERNAL', `a step needs ${name}, which no step before it has left`);
}
