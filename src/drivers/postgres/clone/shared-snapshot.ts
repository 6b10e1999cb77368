import type { Snapshot } from '../../../store/store.ts';
import type { Connections } from '../connections.ts';

/** One state of the source for all sessions that read it. Position: `LSN SNAPSHOT-NAME`. */
export class SharedSnapshot {
  readonly connections: Connections;
  /** PostgreSQL's name of the exported snapshot; undefined before `take`: reads then see the present. */
  name: string | undefined;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  async take(_at: string | undefined, _signal: AbortSignal): Promise<Snapshot> {
    return { position: 'now', async [Symbol.asyncDispose]() {} };
  }
}
