import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { MigrationError } from '../model/migration-error.ts';
import { codes } from '../model/codes.ts';
import type { Store } from '../store/store.ts';
import { sampleTables, sampleTree, type Sample } from './fixtures.ts';
import { batchChecks } from './store-contract-batches.ts';
import { draftChecks } from './store-contract-drafts.ts';
import { intoChecks } from './store-contract-into.ts';
import { sourceChecks } from './store-contract-source.ts';
import { tableChecks } from './store-contract-tables.ts';
import { both, carryAll, memoryStore, never } from './testing.ts';

/** A driver, as the suite sees it. State is on disk, in a server or in a process-wide space: what `open` gives can be
 *  closed and opened again, and finds what was durable. */
export interface StoreSubject {
  readonly name: string;
  readonly holds: 'entries' | 'tables' | 'both';
  /** Called many times; each call gives another Store on the same state. */
  open(): Promise<Store>;
  /** Makes the state empty. Stores are closed before it is called. */
  reset(): Promise<void>;
  /** Puts the samples in, for a store that is no sink. Default: they are carried in through the sink. */
  fill?(samples: readonly Sample[]): Promise<void>;
  /** Opens, and probes as a source, what is not there; must throw. */
  openMissing?(): Promise<unknown>;
  /** A secret that the store was opened with: no error may hold it. */
  readonly secret?: string;
  /** False: names must be UTF-8. */
  readonly byteNames?: boolean;
  /** False: it holds tables without indexes and foreign keys, and leaves those out. */
  readonly constraints?: boolean;
  /** Small content for slow stores. */
  readonly people?: number;
}

/** What the checks share. `store` is opened anew for each test, on empty state. */
export interface ContractContext {
  readonly subject: StoreSubject;
  readonly samples: readonly Sample[];
  /** A memory store that holds the samples. */
  readonly memory: () => Required<Store>;
  /** Opens one more Store; it is closed after the test. */
  readonly open: () => Promise<Required<Store>>;
  /** Empties the state, after closing what is open. */
  readonly fresh: () => Promise<Required<Store>>;
  /** As fresh, with the samples in it. */
  readonly filled: () => Promise<Required<Store>>;
}

/** What every store must do. Call it at the top of a test file. */
export function storeContract(subject: StoreSubject): void {
  describe(`store contract: ${subject.name}`, () => {
    const context = makeContext(subject);
    before(() => context.prepare());
    after(() => context.end());

    describe('as a source', () => sourceChecks(context));
    describe('drafts', () => draftChecks(context));
    describe('what happens to what is there', () => intoChecks(context));
    if (subject.holds !== 'tables') describe('batches of small entries', () => batchChecks(context));
    if (subject.holds !== 'entries') describe('tables', () => tableChecks(context));
    describe('errors', () => errorChecks(subject, context));
  });
}

function makeContext(subject: StoreSubject) {
  const tree = subject.holds === 'tables' ? [] : sampleTree({ byteNames: subject.byteNames ?? true });
  const { people, constraints = true } = subject;
  const tables =
    subject.holds === 'entries' ? [] : sampleTables({ constraints, ...(people !== undefined && { people }) });
  const samples = [...tree, ...tables];
  const opened: Store[] = [];
  let memory: Required<Store> | undefined;

  const close = async (): Promise<void> => {
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
  };
  const open = async (): Promise<Required<Store>> => {
    const store = await subject.open();
    opened.push(store);
    await store.probe('target', never);
    return both(store);
  };
  const fresh = async (): Promise<Required<Store>> => {
    await close();
    await subject.reset();
    return open();
  };
  const needed = (): Required<Store> => {
    if (!memory) throw new Error('the suite has not begun');
    return memory;
  };
  return {
    subject,
    samples,
    memory: needed,
    open,
    fresh,
    async filled() {
      const store = await fresh();
      if (!subject.fill) {
        await carryAll(needed().source, store.sink);
        return store;
      }
      await close();
      await subject.fill(samples);
      return open();
    },
    async prepare() {
      memory = await memoryStore(samples);
    },
    async end() {
      await close();
      await subject.reset();
    },
  };
}

function errorChecks(subject: StoreSubject, { fresh, samples }: ContractContext): void {
  it('opening what is not there throws a documented code with a hint', async (t: TestContext) => {
    if (!subject.openMissing) return t.skip('the suite was given no missing store to open');
    const error = await subject.openMissing().then(
      () => assert.fail('it opened'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof MigrationError, String(error));
    assert.ok(['source.missing', 'store.unreachable', 'store.denied'].includes(error.code), error.code);
    assert.ok(error.hint, 'a hint says what to do');
    assertNoSecret(error, subject.secret);
  });

  it('an aborted signal ends list, read and draft', async () => {
    const { source, sink } = await fresh();
    const aborted = AbortSignal.abort(new Error('stopped'));
    const sample = samples.find(({ item }) => item.kind === 'file' || item.kind === 'table');
    assert.ok(sample);
    const { item } = sample;
    await assert.rejects(
      async () => {
        const draft = await sink.draft(
          sink.adapt(item).item,
          undefined,
          { into: 'replace', run: 'r9', step: 0 },
          aborted,
        );
        await draft.publish([], aborted);
      },
      (error: unknown) => isAbortOrKnown(error),
    );
    // An empty store may end its list before it looks at the signal; it must not hang or give anything.
    const pages = await Array.fromAsync(source.list(() => {}, aborted)).catch((error: unknown) => {
      assert.ok(isAbortOrKnown(error), String(error));
      return [];
    });
    assert.deepEqual(
      pages.flat().filter(({ key }) => key !== './'),
      [],
    );
  });
}

const isAbortOrKnown = (error: unknown): boolean =>
  error instanceof Error &&
  (error.message === 'stopped' || error.name === 'AbortError' || error instanceof MigrationError);

/** Looks through message, hint, place and every cause. */
export function assertNoSecret(error: MigrationError, secret: string | undefined): void {
  assert.ok(error.code in codes);
  if (secret === undefined) return;
  const texts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.message, String(at.stack));
  texts.push(JSON.stringify(error));
  assert.ok(!texts.join('\n').includes(secret), 'an error repeats the secret');
}
