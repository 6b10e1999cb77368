import type { Item } from '../../../model/item.ts';
import type { Payload } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { frameOf, type LargeObjectHead } from './large-object-frames.ts';
import type { ObjectOf } from './object-shape.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

/** An item holds as many large objects as are worth a transaction. */
const itemBytes = 64 * 2 ** 20;
const itemObjects = 1000;
/** Bytes read at once: far less than the 1 GB that a value may have. */
const pieceBytes = 2 ** 20;
const readAtOnce = 16;

/** Large objects in groups, by number. How long each is would have to be asked one by one; the average serves a plan. */
export async function listLargeObjects(connection: Connection): Promise<readonly Item[]> {
  const [all] = await connection.query<{ objects: string; bytes: string }>(
    `SELECT (SELECT count(*) FROM pg_largeobject_metadata) AS objects, pg_relation_size('pg_largeobject') AS bytes`,
  );
  const objects = Number(all?.objects ?? 0);
  if (objects === 0) return [];
  const average = Math.ceil(Number(all?.bytes ?? 0) / objects) + 32;
  const size = Math.max(1, Math.min(itemObjects, Math.floor(itemBytes / average)));
  const items: Item[] = [];
  for (let last = '0'; ;) {
    const rows = await connection.query<{ oid: string }>(
      `SELECT oid FROM pg_largeobject_metadata WHERE oid > $1 ORDER BY oid LIMIT ${size}`,
      [last],
    );
    const oids = rows.map(({ oid }) => String(oid));
    if (oids.length === 0) return items;
    last = oids.at(-1) ?? last;
    items.push({
      key: `large-objects.${oids[0]}-${last}`,
      kind: 'object',
      stage: 'data',
      bytes: average * oids.length,
      object: { what: 'large-objects', oids },
    });
  }
}

export function readLargeObjects(
  snapshot: SharedSnapshot,
  { oids }: ObjectOf<'large-objects'>,
  signal: AbortSignal,
): Payload {
  async function* parts() {
    let offset = 0;
    const frames = snapshot.stream('read large objects', signal, (connection) => readFrames(connection, oids));
    for await (const bytes of frames) {
      yield { offset, bytes };
      offset += bytes.length;
    }
  }
  return { format: 'bytes', parts: parts(), rejects: [] };
}

async function* readFrames(connection: Connection, oids: readonly string[]): AsyncGenerator<Buffer> {
  for (let at = 0; at < oids.length; at += readAtOnce) {
    const rows = await connection.query<LargeObjectHead & { first: Buffer }>(
      `SELECT l.oid::text AS oid, r.rolname AS owner, obj_description(l.oid, 'pg_largeobject') AS comment,
         coalesce((SELECT json_agg(json_build_object('role', coalesce(g.rolname, ''), 'right', a.privilege_type) ORDER BY 1)
           FROM aclexplode(l.lomacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE a.grantee <> l.lomowner), '[]') AS grants,
         lo_get(l.oid, 0, ${pieceBytes}) AS first
       FROM pg_largeobject_metadata l JOIN pg_roles r ON r.oid = l.lomowner WHERE l.oid = ANY ($1::oid[]) ORDER BY l.oid`,
      [oids.slice(at, at + readAtOnce)],
    );
    for (const { first, ...head } of rows) {
      yield frameOf(Buffer.from(JSON.stringify(head)));
      let offset = 0;
      for (let piece = first; piece.length > 0;) {
        yield frameOf(piece);
        offset += piece.length;
        if (piece.length < pieceBytes) break;
        const [more] = await connection.query<{ piece: Buffer }>(
          `SELECT lo_get($1::oid, $2::bigint, ${pieceBytes}) AS piece`,
          [head.oid, offset],
        );
        piece = more?.piece ?? Buffer.alloc(0);
      }
      yield frameOf(new Uint8Array());
    }
  }
}
