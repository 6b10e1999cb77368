import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Lanes } from './lanes.ts';

describe('lanes', () => {
  it('run no more jobs at once than there are lanes, and all of them', async () => {
    const lanes = new Lanes(3);
    let [running, most, done] = [0, 0, 0];
    for (let i = 0; i < 20; i++) {
      await lanes.run(async () => {
        most = Math.max(most, ++running);
        await turn();
        running -= 1;
        done += 1;
      });
    }
    await lanes.end();
    assert.deepEqual({ most, done }, { most: 3, done: 20 });
  });

  it('start nothing after a failure, let what is under way end, and throw the failure', async () => {
    const lanes = new Lanes(2);
    const slow = Promise.withResolvers<void>();
    let slowDone = false;
    await lanes.run(async () => {
      await slow.promise;
      slowDone = true;
    });
    await lanes.run(() => Promise.reject(new Error('broken')));
    setImmediate(() => slow.resolve());
    await assert.rejects(
      lanes.run(() => assert.fail('started after a failure')),
      /broken/,
    );
    assert.ok(slowDone);
  });
});
