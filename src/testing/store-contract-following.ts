import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../model/model.ts';
import type { FollowOptions, FreezeOptions } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { ChangeBatch, Feed, Intake } from '../store/following.ts';
import { never } from './testing.ts';

/** Two stores of which one can follow the other, as the suite sees them: a source with a few rows, a target with the
 *  same. State outlives what `open` gives. */
export interface FollowingSubject {
  readonly name: string;
  /** Called many times: as a process that starts. */
  open(): Promise<FollowingEnds>;
  /** Both ends as they are at the beginning: equal, followed by nobody, let into by everybody. */
  reset(): Promise<void>;
  /** Commits a transaction of a client at that end: adds `rows` rows, of which no two are ever equal, and changes and
   *  deletes some that are there. Rejects when clients may not write. */
  write(end: 'from' | 'to', rows: number): Promise<void>;
  /** Begins a transaction that has written, nothing that `write` would wait for; `commit` rejects when it was ended from
   *  outside. */
  beginTransaction(): Promise<{ commit(): Promise<void>; rollback(): Promise<void> }>;
  /** Everything that an end holds: equal text, equal content. */
  contents(end: 'from' | 'to'): Promise<string>;
  /** The next number of a sequence of that end. */
  nextNumber(end: 'from' | 'to'): Promise<number>;
  /** So many rows in one transaction come in pieces. */
  readonly manyRows: number;
}

export interface FollowingEnds extends AsyncDisposable {
  readonly feed: Feed;
  readonly intake: Intake;
}

const run = 'r1followed';
const options: FollowOptions = { mode: 'asynchronous', ddl: 'stop', keptBytes: 2 ** 40 };
const wait: FreezeOptions = { writers: 'wait', waitMs: 5000 };

/** What a pair of stores must do when one follows the other (store/following.ts). Call it at the top of a test file. */
export function followingContract(subject: FollowingSubject): void {
  describe(`following contract: ${subject.name}`, () => {
    const opened: FollowingEnds[] = [];
    const open = async (): Promise<FollowingEnds> => {
      const ends = await subject.open();
      opened.push(ends);
      return ends;
    };
    const close = async (): Promise<void> => {
      for (const ends of opened.splice(0)) await ends[Symbol.asyncDispose]();
    };
    beforeEach(async () => {
      await close();
      await subject.reset();
    });
    after(async () => {
      await close();
      await subject.reset();
    });
    describe('changes', () => changeChecks(subject, open));
    describe('crashes', () => crashChecks(subject, open));
    describe('writers', () => writerChecks(subject, open));
  });
}

type Open = () => Promise<FollowingEnds>;

const begin = async ({ feed }: FollowingEnds): Promise<string> => {
  await using snapshot = await feed.begin(run, options, never);
  return snapshot.position;
};

const same = async (subject: FollowingSubject, context: string): Promise<void> =>
  assert.equal(await subject.contents('to'), await subject.contents('from'), context);

/** The batches after `since` up to what is committed by now. */
async function* batchesOf({ feed }: FollowingEnds, since: string, goal: string): AsyncGenerator<ChangeBatch> {
  const stop = new AbortController();
  try {
    for await (const batch of feed.changes(run, since, options, stop.signal)) {
      yield batch;
      if (batch.position !== undefined && feed.reached(batch.position, goal)) return;
    }
  } finally {
    stop.abort();
  }
}

/** The source's present, without keeping writers out for longer than it takes to look. */
async function present({ feed }: FollowingEnds): Promise<string> {
  const goal = await feed.freeze(run, wait, never);
  await feed.thaw(run, never);
  return goal;
}

async function catchUp(ends: FollowingEnds, since: string): Promise<readonly ChangeBatch[]> {
  const seen: ChangeBatch[] = [];
  const from = (await ends.intake.position(run, never)) ?? since;
  for await (const batch of batchesOf(ends, from, await present(ends))) {
    await ends.intake.apply(run, batch, never);
    if (batch.position !== undefined) ends.feed.confirm(run, batch.position);
    seen.push(batch);
  }
  return seen;
}

function changeChecks(subject: FollowingSubject, open: Open): void {
  it('arrive, once and in order, from the moment that following began', async () => {
    const ends = await open();
    const since = await begin(ends);
    for (let i = 0; i < 20; i++) await subject.write('from', 3);
    const batches = await catchUp(ends, since);
    assert.equal(
      batches.reduce((sum, { transactions }) => sum + transactions, 0),
      20,
    );
    assert.ok(batches.every(({ changes, bytes }) => changes >= 0 && bytes >= 0));
    await same(subject, 'after 20 transactions');
  });

  it('of a long transaction come in pieces and become visible together', async () => {
    const ends = await open();
    const since = await begin(ends);
    const before = await subject.contents('to');
    await subject.write('from', subject.manyRows);
    let pieces = 0;
    for await (const batch of batchesOf(ends, since, await present(ends))) {
      await ends.intake.apply(run, batch, never);
      if (batch.position !== undefined) continue;
      pieces += 1;
      assert.equal(await subject.contents('to'), before, 'a transaction is half visible');
    }
    assert.ok(pieces > 0, `a transaction of ${subject.manyRows} rows came whole`);
    await same(subject, 'after a long transaction');
  });

  it('move the position on while the source rests', async () => {
    const ends = await open();
    const since = await begin(ends);
    const stop = new AbortController();
    let seen = 0;
    for await (const batch of ends.feed.changes(run, since, options, stop.signal)) {
      assert.notEqual(batch.position, undefined);
      assert.equal(batch.changes, 0);
      await ends.intake.apply(run, batch, never);
      seen += 1;
      if (seen === 2) break;
    }
    assert.equal(seen, 2);
  });

  it('end when the signal is aborted', async () => {
    const ends = await open();
    const since = await begin(ends);
    const stop = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of ends.feed.changes(run, since, options, stop.signal)) stop.abort(new Error('stopped'));
    });
  });

  it('are told of by the lag until the target has them', async () => {
    const ends = await open();
    const since = await begin(ends);
    await subject.write('from', 5);
    const behind = await ends.feed.lag(run, since, never);
    assert.ok(behind.bytes > 0);
    await catchUp(ends, since);
    const goal = await present(ends);
    assert.ok((await ends.feed.lag(run, goal, never)).bytes <= behind.bytes);
  });

  it('are refused where the target has another row', async () => {
    const ends = await open();
    const since = await begin(ends);
    await catchUp(ends, since);
    for (let i = 0; i < 10; i++) await subject.write('to', 5);
    for (let i = 0; i < 10; i++) await subject.write('from', 5);
    await assert.rejects(catchUp(ends, since), (error: unknown) => {
      assert.ok(error instanceof MigrationError, String(error));
      return error.code === 'target.conflict';
    });
  });
}

function crashChecks(subject: FollowingSubject, open: Open): void {
  it('between applying and confirming repeat nothing', async () => {
    const first = await open();
    const since = await begin(first);
    for (let i = 0; i < 10; i++) await subject.write('from', 3);
    for await (const batch of batchesOf(first, since, await present(first)))
      await first.intake.apply(run, batch, never);
    await first[Symbol.asyncDispose]();
    await subject.write('from', 3);
    await catchUp(await open(), since);
    await same(subject, 'applied and not confirmed');
  });

  it('at any batch, pieces of a transaction too, lose and repeat nothing', async () => {
    let ends = await open();
    const since = await begin(ends);
    for (const rows of [3, subject.manyRows, 3, 3]) await subject.write('from', rows);
    for (let cut = 1; cut < 7; cut++) {
      const from = (await ends.intake.position(run, never)) ?? since;
      let left = cut;
      for await (const batch of batchesOf(ends, from, await present(ends))) {
        left -= 1;
        if (left === 0) break;
        await ends.intake.apply(run, batch, never);
        if (batch.position !== undefined && cut % 2 === 0) ends.feed.confirm(run, batch.position);
      }
      await ends[Symbol.asyncDispose]();
      ends = await open();
    }
    await catchUp(ends, since);
    await same(subject, 'stopped many times');
  });

  it('in the middle of a transaction, in the same process, begin it again from its first piece', async () => {
    const ends = await open();
    const since = await begin(ends);
    await subject.write('from', subject.manyRows);
    for await (const batch of batchesOf(ends, since, await present(ends))) {
      await ends.intake.apply(run, batch, never);
      if (batch.position === undefined) break;
    }
    await catchUp(ends, since);
    await same(subject, 'begun again');
  });

  it('while a batch is applied leave all of it or nothing', async () => {
    const ends = await open();
    const since = await begin(ends);
    for (let i = 0; i < 5; i++) await subject.write('from', 20);
    for await (const batch of batchesOf(ends, since, await present(ends))) {
      const stop = new AbortController();
      const applying = ends.intake.apply(run, batch, stop.signal);
      stop.abort(new Error('stopped'));
      await applying.catch(() => {});
      break;
    }
    await catchUp(ends, since);
    await same(subject, 'aborted');
  });

  it('make following begin anew: what was kept for the earlier life is let go', async () => {
    const first = await open();
    const since = await begin(first);
    await subject.write('from', 3);
    await catchUp(first, since);
    await first[Symbol.asyncDispose]();
    const second = await open();
    await second.intake.end(run, never);
    assert.equal(await second.intake.position(run, never), undefined);
    const again = await begin(second);
    await subject.write('from', 3);
    const batches = await catchUp(second, again);
    assert.equal(
      batches.reduce((sum, { transactions }) => sum + transactions, 0),
      1,
      'only what came after the second beginning',
    );
  });
}

function writerChecks(subject: FollowingSubject, open: Open): void {
  it('are kept out of a frozen source, and everything they had committed is before the position', async () => {
    const ends = await open();
    const since = await begin(ends);
    await subject.write('from', 3);
    const goal = await ends.feed.freeze(run, wait, never);
    assert.equal(await ends.feed.freeze(run, wait, never).then((again) => ends.feed.reached(again, goal)), true);
    await assert.rejects(subject.write('from', 1));
    for await (const batch of batchesOf(ends, since, goal)) await ends.intake.apply(run, batch, never);
    const position = await ends.intake.position(run, never);
    assert.ok(position !== undefined && ends.feed.reached(position, goal));
    await same(subject, 'frozen');
    await ends.feed.thaw(run, never);
    await ends.feed.thaw(run, never);
    await subject.write('from', 1);
  });

  it('are waited for when their transaction is under way', async () => {
    const ends = await open();
    const since = await begin(ends);
    const transaction = await subject.beginTransaction();
    let isFrozen = false;
    const freezing = ends.feed.freeze(run, wait, never).then((goal) => {
      isFrozen = true;
      return goal;
    });
    // Long enough for a freeze that does not wait to be noticed.
    await sleep(50);
    assert.equal(isFrozen, false);
    await transaction.commit();
    const goal = await freezing;
    for await (const batch of batchesOf(ends, since, goal)) await ends.intake.apply(run, batch, never);
    await same(subject, 'with the transaction that was waited for');
  });

  it('that do not end in time are refused as busy, or ended, as the job says', async () => {
    const ends = await open();
    await begin(ends);
    const slow = await subject.beginTransaction();
    await assert.rejects(ends.feed.freeze(run, { writers: 'wait', waitMs: 20 }, never), {
      code: 'source.busy-writers',
    });
    await assert.rejects(subject.write('from', 1), 'still frozen');
    await ends.feed.thaw(run, never);
    await subject.write('from', 1);
    await ends.feed.freeze(run, { writers: 'end', waitMs: 20 }, never);
    await assert.rejects(slow.commit());
  });

  it('stay kept out by a source that was frozen by a process that died, until it is thawed by another', async () => {
    const first = await open();
    await begin(first);
    await first.feed.freeze(run, wait, never);
    await first[Symbol.asyncDispose]();
    await assert.rejects(subject.write('from', 1));
    const second = await open();
    await second.feed.thaw(run, never);
    await subject.write('from', 1);
  });

  it('are kept out of a closed target, where changes still arrive, until it is opened', async () => {
    const ends = await open();
    const since = await begin(ends);
    await ends.intake.close(run, never);
    await ends.intake.close(run, never);
    await assert.rejects(subject.write('to', 1));
    await subject.write('from', 3);
    await catchUp(ends, since);
    await same(subject, 'closed');
    await ends.intake.open(run, never);
    await ends.intake.open(run, never);
    await subject.write('to', 1);
  });

  it('get no number twice', async () => {
    const ends = await open();
    await begin(ends);
    const given = [
      await subject.nextNumber('from'),
      await subject.nextNumber('from'),
      await subject.nextNumber('from'),
    ];
    const counters: Json = await ends.feed.counters(never);
    await ends.intake.setCounters(counters, never);
    await ends.intake.setCounters(counters, never);
    assert.ok((await subject.nextNumber('to')) > Math.max(...given));
  });

  it('notice nothing any more when following has ended', async () => {
    const ends = await open();
    const since = await begin(ends);
    await ends.intake.close(run, never);
    await catchUp(ends, since);
    await ends.intake.open(run, never);
    for (let i = 0; i < 2; i++) {
      await ends.feed.end(run, never);
      await ends.intake.end(run, never);
    }
    assert.equal(await ends.intake.position(run, never), undefined);
    await subject.write('from', 1);
    await subject.write('to', 1);
    await assert.rejects(
      async () => {
        for await (const _ of ends.feed.changes(run, since, options, never)) break;
      },
      { code: 'source.moved' },
    );
  });
}
