import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeSpace, memorySpace } from '../src/drivers/memory/space.ts';
import { beginTransaction } from '../src/drivers/memory/transact.ts';
import { MigrationError } from '../src/model/migration-error.ts';
import { overlay } from '../src/store/overlay.ts';
import type { Store } from '../src/store/store.ts';
import { hybridStage, never, writerOf } from './hybrid-stage.ts';

describe('a hybrid run between two memory stores', () => {
  it('copies, follows a writer, cuts over when asked, and ends with both ends equal', async () => {
    await using stage = await hybridStage({});
    const writer = writerOf(stage.from, stage.from);
    const run = await stage.start();
    writer.write(50);
    await stage.reached('ready');
    writer.write(50);
    await stage.engine.ask(run.id, 'cutover');
    const result = await run.result;
    assert.equal(result.outcome, 'done', JSON.stringify(result.error));
    assert.deepEqual(stage.contents('to'), stage.contents('from'));
    assert.throws(() => writer.write(1), { code: 'store.denied' });
    assert.equal(memorySpace(stage.to).closedFor, undefined, 'clients may write to the target');
    assert.deepEqual(stage.phases(), ['preparing', 'copying', 'following', 'ready', 'cutting-over', 'done']);
    assert.deepEqual(stage.steps(), ['asked', 'frozen', 'drained', 'checked', 'counted', 'switching', 'switched']);
    assert.ok((result.progress.followed[0]?.pauseMs ?? Infinity) < 10_000);
    assert.ok((result.progress.followed[0]?.changes ?? 0) > 0);
  });

  it('lets writers go on when transactions do not end in time, and cuts over when asked again', async () => {
    await using stage = await hybridStage({ cutover: { waitMs: 10 } });
    const run = await stage.start();
    await stage.reached('ready');
    const slow = beginTransaction(memorySpace(stage.from));
    await stage.engine.ask(run.id, 'cutover');
    await stage.step('thawed');
    await stage.found('source.busy-writers');
    slow.commit([]);
    writerOf(stage.from, stage.from).write(3);
    await stage.engine.ask(run.id, 'cutover');
    assert.equal((await run.result).outcome, 'done');
    assert.deepEqual(stage.contents('to'), stage.contents('from'));
  });

  it('ends transactions under way when the job says so', async () => {
    await using stage = await hybridStage({ cutover: { waitMs: 10, writers: 'end' } });
    const run = await stage.start();
    await stage.reached('ready');
    const slow = beginTransaction(memorySpace(stage.from));
    await stage.engine.ask(run.id, 'cutover');
    assert.equal((await run.result).outcome, 'done');
    assert.throws(() => slow.commit([]), { code: 'store.denied' });
  });

  it('lets writers go on when the budget is used up or the command fails', async () => {
    for (const [command, budgetMs, code] of [
      [['sleep', '30'], 200, 'cutover.over-budget'],
      [['false'], 10_000, 'cutover.command-failed'],
      [['/no/such/program'], 10_000, 'cutover.command-failed'],
    ] as const) {
      await using stage = await hybridStage({ cutover: { command, budgetMs } });
      const run = await stage.start();
      await stage.reached('ready');
      await stage.engine.ask(run.id, 'cutover');
      await stage.found(code);
      writerOf(stage.from, stage.from).write(1);
      run.pause('enough');
      assert.equal((await run.result).outcome, 'paused');
      assert.ok(memorySpace(stage.to).closedFor, 'the target is still closed');
    }
  });

  it('goes on where it was after a pause, and lets go of both ends when it is cancelled', async () => {
    await using stage = await hybridStage({});
    const run = await stage.start();
    await stage.reached('following');
    run.pause('asked to');
    assert.equal((await run.result).exit, 130);
    assert.equal(memorySpace(stage.from).followers.size, 1, 'the source keeps its log');
    writerOf(stage.from, stage.from).write(30);
    await stage.engine.ask(run.id, 'cancel');
    const again = await stage.resume(run.id);
    const result = await again.result;
    assert.equal(result.outcome, 'cancelled', JSON.stringify(result.error));
    for (const { followers, followed, frozenFor, closedFor } of [memorySpace(stage.from), memorySpace(stage.to)]) {
      assert.deepEqual([followers.size, followed.size, frozenFor, closedFor], [0, 0, undefined, undefined]);
    }
    assert.equal((await (await stage.resume(run.id)).result).outcome, 'cancelled', 'a cancelled run is over');
  });

  it('keeps the way back open after the switch, and gives it up when told to', async () => {
    await using stage = await hybridStage({ cutover: { reverse: true } });
    const run = await stage.start();
    await stage.reached('ready');
    await stage.engine.ask(run.id, 'cutover');
    await stage.reached('reverse-following');
    writerOf(stage.to, stage.from).write(20);
    await assert.rejects(stage.engine.ask(run.id, 'cutover'), { code: 'cutover.refused' });
    await assert.rejects(stage.engine.ask(run.id, 'cancel'), { code: 'cutover.refused' });
    await stage.engine.ask(run.id, 'finish');
    assert.equal((await run.result).outcome, 'done');
    assert.ok(memorySpace(stage.from).frozenFor, 'the old source stays as it is');
    assert.equal(memorySpace(stage.to).followers.size, 0);
  });

  it('goes back with everything that was written to the target', async () => {
    await using stage = await hybridStage({ cutover: { reverse: true } });
    const run = await stage.start();
    await stage.reached('ready');
    writerOf(stage.from, stage.from).write(20);
    await stage.engine.ask(run.id, 'cutover');
    await stage.reached('reverse-following');
    writerOf(stage.to, stage.from).write(40);
    await stage.engine.ask(run.id, 'rollback');
    assert.equal((await run.result).outcome, 'rolled-back');
    assert.deepEqual(stage.contents('from'), stage.contents('to'));
    writerOf(stage.from, stage.from).write(1);
    assert.throws(() => writerOf(stage.to, stage.from).write(1), { code: 'store.denied' });
  });

  it('refuses to switch to a target that somebody changed, names the rows and ends with 3', async () => {
    await using stage = await hybridStage({ cutover: { when: 'ready' } });
    const source = memorySpace(stage.from).items.get('pairs')?.rows ?? [];
    stage.onEvent((event) => {
      if (event.type === 'phase.changed' && event.phase === 'following' && source[0]) {
        changeSpace(memorySpace(stage.to), [{ do: 'row', table: 'pairs', remove: source[0] }]);
      }
    });
    const result = await (await stage.start()).result;
    assert.equal(result.exit, 3, JSON.stringify(result));
    assert.deepEqual(
      result.progress.differences.first.map(({ difference: { item, kind } }) => [item, kind]),
      [['pairs', 'missing']],
    );
    assert.deepEqual([memorySpace(stage.from).frozenFor, stage.steps().at(-1)], [undefined, 'thawed']);
  });

  it('compares after the switch what does not fit in the budget, and what clients write by then does not show', async () => {
    // Long enough to cut over, too short for the comparison as it is predicted.
    await using stage = await hybridStage({ cutover: { when: 'ready', budgetMs: 250 } });
    const writer = writerOf(stage.to, stage.from);
    stage.onEvent((event) => {
      if (event.type === 'cutover.step' && event.step === 'switched') writer.write(10);
    });
    const result = await (await stage.start()).result;
    assert.equal(result.outcome, 'done', JSON.stringify(result));
    assert.deepEqual(stage.steps().slice(-3), ['switching', 'switched', 'checked']);
    assert.notDeepEqual(stage.contents('to'), stage.contents('from'));
  });

  it('names what differs after the switch, and ends with 3', async () => {
    await using stage = await hybridStage({ cutover: { when: 'ready', budgetMs: 250 } });
    const source = memorySpace(stage.from).items.get('pairs')?.rows ?? [];
    stage.onEvent((event) => {
      if (event.type === 'phase.changed' && event.phase === 'following' && source[0]) {
        changeSpace(memorySpace(stage.to), [{ do: 'row', table: 'pairs', remove: source[0] }]);
      }
    });
    const result = await (await stage.start()).result;
    assert.deepEqual([result.outcome, result.exit, result.progress.differences.count], ['differs', 3, 1]);
  });

  it('goes on by itself when a connection is lost, and says so', async () => {
    let losses = 2;
    const dress = (store: Store): Store => {
      const { source } = store;
      if (!source?.feed) return store;
      const { feed } = source;
      async function* changes(...args: Parameters<typeof feed.changes>) {
        for await (const batch of feed.changes(...args)) {
          yield batch;
          if (batch.changes > 0 && losses-- > 0)
            throw new MigrationError('store.unreachable', 'the connection is lost');
        }
      }
      return overlay(store, { source: overlay(source, { feed: overlay(feed, { changes }) }) });
    };
    await using stage = await hybridStage({ dress });
    const run = await stage.start();
    await stage.reached('following');
    const writer = writerOf(stage.from, stage.from);
    writer.write(5);
    await stage.found('store.unreachable');
    writer.write(5);
    await stage.reached('ready');
    await stage.engine.ask(run.id, 'cutover');
    assert.equal((await run.result).outcome, 'done');
    assert.deepEqual(stage.contents('to'), stage.contents('from'));
  });

  it('begins anew by itself when the source no longer has its changes', async () => {
    await using stage = await hybridStage({});
    const run = await stage.start();
    await stage.reached('ready');
    memorySpace(stage.from).followers.clear();
    writerOf(stage.from, stage.from).write(5);
    await stage.found('source.moved');
    await stage.engine.ask(run.id, 'cutover').catch(() => {});
    await stage.reached('ready');
    await stage.journal.ask(run.id, 'cutover');
    const result = await run.result;
    assert.equal(result.outcome, 'done', JSON.stringify(result.error));
    assert.deepEqual(stage.contents('to'), stage.contents('from'));
  });

  it('is refused by the plan where an end cannot follow, and says which', async () => {
    const dress = (store: Store): Store => {
      const { intake: _, ...sink } = store.sink ?? {};
      return overlay(store, { sink: sink as Store['sink'] });
    };
    await using stage = await hybridStage({ dress });
    await using plan = await stage.engine.plan(stage.job, { signal: never });
    assert.equal(plan.startable, false);
    assert.match(plan.findings.map(({ message }) => message).join(), /-to cannot follow/);
    assert.equal(memorySpace(stage.from).followers.size, 0, 'a plan writes nothing');
  });

  it('says what a request would need that cannot be met', async () => {
    await using stage = await hybridStage({});
    const run = await stage.start();
    await stage.reached('following');
    for (const request of ['rollback', 'finish'] as const) {
      await assert.rejects(stage.engine.ask(run.id, request), { code: 'cutover.refused', message: /has not switched/ });
    }
    await stage.engine.ask(run.id, 'cutover');
    assert.equal((await run.result).outcome, 'done');
    await assert.rejects(stage.engine.ask(run.id, 'rollback'), { code: 'cutover.refused', message: /is over/ });
  });
});
