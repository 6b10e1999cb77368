import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunEvent } from '../model/event.ts';
import type { Item, Stage } from '../model/item.ts';
import { MigrationError } from '../model/migration-error.ts';
import { Past } from '../model/past.ts';
import type { Step } from '../model/step.ts';
import { moveSteps } from './move-steps.ts';
import type { Crew } from './move.ts';

interface Wish {
  readonly key: string;
  readonly after?: readonly string[];
  readonly stage?: Stage;
}

/** A crew that notes what begins and ends, and ends a step only when told to. */
class Watched implements Crew {
  readonly size = 2;
  readonly log: string[] = [];
  readonly recorded: RunEvent[] = [];
  readonly failing = new Map<string, MigrationError>();
  readonly #held = new Map<string, () => void>();

  readonly #holds: readonly string[];

  constructor(holds: readonly string[] = []) {
    this.#holds = holds;
  }

  async dispatch({ step }: { readonly step: Step }) {
    const { key } = step.item;
    this.log.push(`begin ${key}`);
    if (this.#holds.includes(key)) await new Promise<void>((resolve) => this.#held.set(key, resolve));
    await Promise.resolve();
    const failure = this.failing.get(key);
    if (failure) throw failure;
    this.log.push(`end ${key}`);
    return [];
  }

  release(key: string): void {
    this.#held.get(key)?.();
  }

  async record(event: RunEvent) {
    this.recorded.push(event);
  }

  async *split() {}
  async look() {
    return undefined;
  }
}

const stepsOf = (wishes: readonly Wish[]): Step[] =>
  wishes.map(({ key, after, stage = 'data' }, seq) => {
    const item: Item = { key, kind: 'object', stage, bytes: 0, ...(after && { after }) };
    return { seq, shipment: 0, action: 'copy', item, as: item, into: 'empty' };
  });

async function* pages(wishes: readonly Wish[]) {
  for (const step of stepsOf(wishes)) yield [step];
}

const nothing = () => new Past({ keepReceipts: true });

describe('steps that come after others', () => {
  it('begin when the last of those has ended, also of those that stand behind them in the plan', async () => {
    const crew = new Watched();
    await moveSteps(
      pages([
        { key: 'parent', after: ['leaf 1', 'leaf 2'] },
        { key: 'leaf 1', after: ['t'] },
        { key: 't' },
        { key: 'leaf 2' },
      ]),
      nothing(),
      crew,
    );
    const at = (line: string) => crew.log.indexOf(line);
    assert.ok(at('end t') < at('begin leaf 1'));
    assert.ok(at('end leaf 1') < at('begin parent') && at('end leaf 2') < at('begin parent'), crew.log.join());
  });

  it('hold no lane while they wait, and go before what was not begun', async () => {
    const crew = new Watched(['slow', 't']);
    const moved = moveSteps(
      pages([
        { key: 'slow' },
        { key: 't' },
        { key: 'i1', after: ['t'] },
        { key: 'i2', after: ['t'] },
        { key: 'a' },
        { key: 'b', after: ['a'] },
        { key: 'c' },
        { key: 'd' },
      ]),
      nothing(),
      crew,
    );
    while (!crew.log.includes('begin d')) await new Promise(setImmediate);
    assert.ok(!crew.log.includes('begin i1'));
    assert.ok(crew.log.indexOf('begin b') < crew.log.indexOf('begin d'), crew.log.join());
    crew.release('t');
    while (!crew.log.includes('end i2')) await new Promise(setImmediate);
    assert.ok(!crew.log.includes('end slow'), 'other tables are still copied');
    crew.release('slow');
    await moved;
  });

  it('do not wait for what an earlier life has done, or what is not in the plan', async () => {
    const crew = new Watched();
    const past = nothing();
    past.add({ type: 'item.published', step: 0, items: 1 });
    await moveSteps(pages([{ key: 't' }, { key: 'i', after: ['t'] }, { key: 'j', after: ['left out'] }]), past, crew);
    assert.deepEqual(crew.log, ['begin i', 'end i', 'begin j', 'end j']);
  });

  it('are reported with what they came after when that cannot be carried; the others arrive', async () => {
    const crew = new Watched();
    crew.failing.set('t', new MigrationError('index.broken', 'Two rows are equal.'));
    await moveSteps(
      pages([{ key: 't' }, { key: 'i', after: ['t'] }, { key: 'j', after: ['i'] }, { key: 'u' }]),
      nothing(),
      crew,
    );
    const failed = crew.recorded.flatMap((event) => (event.type === 'item.failed' ? [event] : []));
    assert.deepEqual(
      failed.map(({ step, error }) => [step, error.code, error.message]),
      [
        [0, 'index.broken', 'Two rows are equal.'],
        [1, 'index.broken', 'i was left out, because t could not be carried.'],
        [2, 'index.broken', 'j was left out, because i could not be carried.'],
      ],
    );
    assert.deepEqual(
      crew.log.filter((line) => line.startsWith('end')),
      ['end u'],
    );
  });

  it('end also when they wait for one another, and before the next stage begins', async () => {
    const crew = new Watched();
    await moveSteps(
      pages([
        { key: 'a', after: ['b'] },
        { key: 'b', after: ['a'] },
        { key: 'c', stage: 'after' },
      ]),
      nothing(),
      crew,
    );
    assert.equal(crew.log.length, 6);
    assert.equal(crew.log.at(-1), 'end c');
  });

  it('leave an error that ends the run to be thrown', async () => {
    const crew = new Watched();
    crew.failing.set('t', new MigrationError('store.full', 'No room.'));
    await assert.rejects(moveSteps(pages([{ key: 't' }, { key: 'i', after: ['t'] }]), nothing(), crew), {
      code: 'store.full',
    });
    assert.ok(!crew.log.includes('begin i'));
  });
});
