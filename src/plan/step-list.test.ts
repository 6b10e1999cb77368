import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Item, ItemKind, Stage } from '../model/item.ts';
import { StepList } from './step-list.ts';

const entry = { mode: 0o644, uid: 0, gid: 0, mtime: '0' };
const item = (key: string, kind: ItemKind, stage: Stage, bytes = 0): Item => ({ key, kind, stage, bytes, entry });

describe('the steps of a plan', () => {
  it('pack small entries into batches and leave large files alone', () => {
    using list = new StepList(0, 'replace');
    for (let i = 0; i < 20_000; i++) list.copy(item(`f${i}`, 'file', 'data', 10), item(`f${i}`, 'file', 'data', 10));
    const large = item('large', 'file', 'data', 1e9);
    list.copy(large, large);
    const steps = [...list.steps(7)];
    assert.deepEqual(
      steps.map(({ item: { kind, members } }) => members?.length ?? kind),
      [8192, 8192, 'file', 3616],
    );
    assert.deepEqual(
      steps.map(({ seq }) => seq),
      [7, 8, 9, 10],
    );
    assert.equal(list.largest()?.item.key, 'large');
  });

  it('run by stage, removals after all copies and before directories get their times', () => {
    using list = new StepList(0, 'replace');
    const put = (one: Item) => list.copy(one, one);
    put(item('d/', 'directory', 'last'));
    put(item('link', 'hard-link', 'after'));
    list.remove(item('gone', 'file', 'data'));
    put(item('file', 'file', 'data'));
    const order = [...list.steps(0)].map(({ action, item: { key } }) => `${action} ${key}`);
    assert.deepEqual(order, ['copy file', 'copy link', 'remove gone', 'copy d/']);
  });
});
