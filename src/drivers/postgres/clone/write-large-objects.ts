import { createHash } from 'node:crypto';
import { MigrationError } from '../../../model/migration-error.ts';
import type { FilePart } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { quoteLiteral, quoteName } from '../names.ts';
import { framesOf, largeObjectHead, type LargeObjectHead } from './large-object-frames.ts';

/** Pieces that are compared with what the server holds of them in one question. */
const checkedAtOnce = 64;

interface Piece {
  readonly oid: string;
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string;
}

/** Writes large objects under their numbers, in the caller's transaction; gives the bytes that came. */
export async function writeLargeObjects(
  connection: Connection,
  parts: AsyncIterable<FilePart>,
  replace: boolean,
): Promise<number> {
  let bytes = 0;
  async function* plain() {
    for await (const part of parts) {
      bytes += part.bytes.length;
      yield part.bytes;
    }
  }
  const roles = new Set(
    (
      await connection.query<{ name: string }>(
        `SELECT rolname AS name FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')`,
      )
    ).map(({ name }) => name),
  );
  const known = new Set(
    (await connection.query<{ name: string }>('SELECT rolname AS name FROM pg_roles')).map(({ name }) => name),
  );
  let head: LargeObjectHead | undefined;
  let offset = 0;
  let unchecked: Piece[] = [];
  const check = async () => {
    await compare(connection, unchecked);
    unchecked = [];
  };
  for await (const frame of framesOf(plain())) {
    if (!head) {
      head = largeObjectHead.parse(JSON.parse(frame.toString('utf8')));
      offset = 0;
      await create(connection, head.oid, replace);
    } else if (frame.length > 0) {
      await connection.run('SELECT lo_put($1::oid, $2::bigint, $3::bytea)', [head.oid, offset, frame]);
      const digest = createHash('sha256').update(frame).digest('hex');
      unchecked.push({ oid: head.oid, offset, bytes: frame.length, digest });
      if (unchecked.length >= checkedAtOnce) await check();
      offset += frame.length;
    } else {
      await check();
      await describe(connection, head, roles, known);
      head = undefined;
    }
  }
  return bytes;
}

async function create(connection: Connection, oid: string, replace: boolean): Promise<void> {
  const there = await connection.query('SELECT FROM pg_largeobject_metadata WHERE oid = $1::oid', [oid]);
  if (there.length > 0 && !replace) {
    throw new MigrationError('target.not-empty', `Large object ${oid} is already at the target.`, {
      hint: 'Use an empty database, or --into replace.',
    });
  }
  if (there.length > 0) await connection.run('SELECT lo_unlink($1::oid)', [oid]);
  await connection.run('SELECT lo_create($1::oid)', [oid]);
}

/** Throws `chunk.corrupt` where the server does not hold what was sent. */
async function compare(connection: Connection, pieces: readonly Piece[]): Promise<void> {
  if (pieces.length === 0) return;
  const rows = await connection.query<{ oid: string }>(
    `SELECT p.oid FROM unnest($1::oid[], $2::bigint[], $3::int[], $4::text[]) p(oid, at, bytes, digest)
     WHERE encode(sha256(lo_get(p.oid, p.at, p.bytes)), 'hex') <> p.digest LIMIT 1`,
    [
      pieces.map(({ oid }) => oid),
      pieces.map(({ offset }) => offset),
      pieces.map(({ bytes }) => bytes),
      pieces.map(({ digest }) => digest),
    ],
  );
  if (rows[0])
    throw new MigrationError(
      'chunk.corrupt',
      `Large object ${rows[0].oid} is not at the target what it was when read.`,
    );
}

/** Comment, rights and owner, as far as the roles are there. */
async function describe(
  connection: Connection,
  { oid, comment, grants, owner }: LargeObjectHead,
  own: ReadonlySet<string>,
  known: ReadonlySet<string>,
): Promise<void> {
  if (comment !== null) await connection.run(`COMMENT ON LARGE OBJECT ${oid} IS ${quoteLiteral(comment)}`);
  for (const { role, right } of grants) {
    if (role !== '' && !known.has(role)) continue;
    await connection.run(`GRANT ${right} ON LARGE OBJECT ${oid} TO ${role === '' ? 'PUBLIC' : quoteName(role)}`);
  }
  if (own.has(owner)) await connection.run(`ALTER LARGE OBJECT ${oid} OWNER TO ${quoteName(owner)}`);
}
