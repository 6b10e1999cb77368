import type { Item } from '../../../model/item.ts';
import type { Draft, DraftOptions } from '../../../store/store.ts';
import { qualified } from '../names.ts';
import { forgetRun } from './object-ledger.ts';
import { openContentDraft, readText, type Carry } from './content-draft.ts';
import { analyse } from './analyse.ts';
import { makeForeignKey } from './make-foreign-key.ts';
import { makeConstraint, makeIndex } from './make-index.ts';
import { objectOf } from './object-shape.ts';
import type { Server } from './pair-servers.ts';
import { runScript } from './run-script.ts';
import { sequenceValues, setSequences } from './sequences.ts';
import { openStatementsDraft, type Work } from './statements-draft.ts';
import { writeLargeObjects } from './write-large-objects.ts';

export function openObjectDraft(
  server: Server,
  as: Item,
  ticket: string | undefined,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  const object = objectOf(as);
  const statements = (work: Work) => openStatementsDraft(server, as, ticket, options, signal, work);
  const content = (carry: Carry) => openContentDraft(server, as, ticket, options, signal, carry);
  switch (object.what) {
    case 'script':
      return content(runScript(options.into === 'replace', options.run, options.step));
    case 'sequences':
      return content(async (connection, parts, mark) => {
        const { text, bytes } = await readText(parts);
        const values = sequenceValues.parse(JSON.parse(text));
        await connection.transaction(async () => {
          await setSequences(connection, values);
          await mark(bytes);
        });
        return bytes;
      });
    case 'large-objects':
      return content((connection, parts, mark) =>
        connection.transaction(async () => {
          const bytes = await writeLargeObjects(connection, parts, options.into === 'replace');
          await mark(bytes);
          return bytes;
        }),
      );
    case 'index':
      return statements(makeIndex(object));
    case 'constraint':
      return statements(makeConstraint(object));
    case 'foreign-key':
      return statements(makeForeignKey(object));
    case 'refresh':
      return statements((connection, mark) =>
        connection.transaction(async () => {
          await connection.run(`REFRESH MATERIALIZED VIEW ${qualified(object.view.schema, object.view.name)}`);
          await mark();
        }),
      );
    case 'statistics':
      return statements(analyse(object));
  }
}

/** Nothing of a clone is removed by itself: `into: replace` removes what will be made anew, in one transaction. */
export async function removeObject(_server: Server, _as: Item, _signal: AbortSignal): Promise<void> {}

export async function sweepObjects(server: Server, run: string, signal: AbortSignal): Promise<void> {
  await server.connections.use(`clean up after run ${run}`, signal, (connection) => forgetRun(connection, run));
}
