import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memorySpace } from '../src/drivers/memory/space.ts';
import { hybridStage, writerOf } from './hybrid-stage.ts';

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
    assert.ok((result.progress.followed[0]?.pauseMs ?? Infinity) < 10_000);
  });
});
