import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../model/finding.ts';
import { MigrationError } from '../model/migration-error.ts';
import { never } from '../testing/testing.ts';
import { Outage } from './outage.ts';
import { Prediction } from './prediction.ts';
import { Readiness } from './readiness.ts';

const lag = (bytes: number) => ({ bytes, seconds: 0, keptBytes: 0 });

describe('the pause that a cutover would take', () => {
  it('is what it always costs, and the lag at the speed seen so far', () => {
    const prediction = new Prediction(50);
    assert.equal(prediction.pauseMs(lag(0)), 50);
    assert.equal(prediction.pauseMs(lag(1000)), undefined, 'no speed is known yet');
    prediction.applied(1000, 100);
    assert.equal(prediction.pauseMs(lag(2000)), 250);
  });

  it('forgets how fast it was long ago', () => {
    const prediction = new Prediction(0);
    prediction.applied(1000, 1000);
    for (let i = 0; i < 500; i++) prediction.applied(1000, 1);
    assert.ok((prediction.pauseMs(lag(1000)) ?? Infinity) < 1.1);
  });
});

describe('readiness', () => {
  it('is believed when it has lasted, and so is its end', () => {
    const readiness = new Readiness(100, 3000);
    assert.equal(readiness.look(0, 50), false);
    assert.equal(readiness.look(1000, 200), false, 'the time begins again');
    assert.equal(readiness.look(2000, 50), false);
    assert.equal(readiness.look(5000, 50), true);
    assert.equal(readiness.ready, true);
    assert.equal(readiness.look(6000, undefined), false);
    assert.equal(readiness.look(9000, 500), true);
    assert.equal(readiness.ready, false);
  });
});

describe('an outage', () => {
  it('is told of once when it begins and once when it is over', async () => {
    const found: Finding[] = [];
    const outage = new Outage(async (finding) => void found.push(finding));
    const lost = new MigrationError('store.unreachable', 'the connection is lost');
    await outage.wait(lost, never);
    await outage.wait(lost, never);
    await outage.over();
    await outage.over();
    assert.deepEqual(
      found.map(({ level, code }) => [level, code]),
      [
        ['warning', 'store.unreachable'],
        ['info', 'store.unreachable'],
      ],
    );
  });

  it('that trying again cannot end is thrown at once', async () => {
    const outage = new Outage(async () => {});
    await assert.rejects(outage.wait(new MigrationError('target.conflict', 'another row'), never), {
      code: 'target.conflict',
    });
  });
});
