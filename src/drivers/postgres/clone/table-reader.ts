import { MigrationError } from '../../../model/migration-error.ts';
import type { Source } from '../../../store/store.ts';
import type { Server } from './pair-servers.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

type TableReader = Pick<Source, 'read' | 'split' | 'digest' | 'bucketDigests' | 'rowPrints' | 'chunkDigest' | 'look'>;

export function createTableReader(_server: Server, _snapshot: SharedSnapshot): TableReader {
  return {
    async read(_chunk, item) {
      throw new MigrationError('internal', `${item.key} is not carried yet.`);
    },
    async *split() {},
  };
}
