import { entryHead, truncateMark, type ChangeLog } from './change-log.ts';
import type { Relation } from './relation.ts';

export interface Truncation {
  readonly relations: readonly Relation[];
  readonly restart: boolean;
}

/** Reads a truncation as ChangeStream writes it: relations by index. */
export function readTruncation({ buffer, relations }: ChangeLog, at: number): Truncation {
  const count = buffer.readInt32BE(at + 1);
  const named: Relation[] = [];
  for (let i = 0; i < count; i++) {
    const relation = relations[buffer.readInt32BE(at + 6 + 4 * i)];
    if (relation) named.push(relation);
  }
  return { relations: named, restart: ((buffer[at + 5] ?? 0) & 2) === 2 };
}

/** Calls `each` for every change: index of its relation (-1: a truncation), its type, the place of its type byte. */
export async function eachChange(
  { buffer }: ChangeLog,
  each: (relation: number, type: number, at: number) => Promise<void> | undefined,
): Promise<void> {
  let at = 0;
  while (at < buffer.length) {
    const length = buffer.readInt32BE(at);
    const relation = buffer.readInt32BE(at + 4);
    const waiting = each(relation, buffer[at + entryHead] ?? truncateMark, at + entryHead);
    // Most changes wait for nothing.
    if (waiting) await waiting;
    at += entryHead + length;
  }
}
