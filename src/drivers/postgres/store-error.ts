import { MigrationError } from '../../model/migration-error.ts';
import type { ErrorCode } from '../../model/codes.ts';

/** The fields of a server's error that Waybill reads (pg's DatabaseError). */
export interface ServerError extends Error {
  readonly code?: string;
  readonly detail?: string;
  readonly where?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly table?: string;
}

export const sqlState = (error: unknown): string =>
  error instanceof Error && typeof (error as ServerError).code === 'string' ? ((error as ServerError).code ?? '') : '';

/** Where the server is, for messages: `app@db.example:5432/shop`. */
export interface Place {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** Any error of the client or the server in Waybill's words. `doing` names what failed, such as `write chunk 3 of city`. */
export function toStoreError(thrown: unknown, place: Place, doing: string): MigrationError {
  if (thrown instanceof MigrationError) return thrown;
  const error: ServerError = thrown instanceof Error ? thrown : new Error(String(thrown));
  const at = `${place.host}:${place.port}`;
  const { code, message, hint } = translate(error, place, at);
  return new MigrationError(code, `Cannot ${doing}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause: thrown,
  });
}

interface Words {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

function translate(error: ServerError, place: Place, at: string): Words {
  const state = sqlState(error);
  const message = `${plain(error.message)}.`;
  switch (state) {
    case '28P01':
    case '28000':
      return {
        code: 'store.denied',
        message: `${at} refuses user ${place.user}: ${plain(error.message)}.`,
        hint: 'Check user and password; give the password by reference, for example password: ${env:PGPASSWORD}. pg_hba.conf says who may connect from where.',
      };
    case '3D000':
      return {
        code: 'source.missing',
        message: `there is no database ${place.database} at ${at}.`,
        hint: `createdb -h ${place.host} -p ${place.port} -U ${place.user} ${place.database}`,
      };
    case '3F000':
      return { code: 'source.missing', message, hint: 'CREATE SCHEMA, or name another one with ?schema=' };
    case '42501':
      return { code: 'store.denied', message, hint: `GRANT what is missing to ${place.user}.` };
    case '53100':
      return { code: 'store.full', message, hint: 'Make room at the server, then resume.' };
    case '53300':
      return { code: 'store.busy', message, hint: 'Raise max_connections at the server, or use fewer workers.' };
    case '55P03':
    case '40P01':
    case '40001':
      return { code: 'store.busy', message };
    case '22021':
      return {
        code: 'value.nul',
        message: `${placeOfValue(error)}a text that PostgreSQL cannot hold: ${plain(error.message)}.`,
        hint: 'Correct the value at the source.',
      };
    case '23505':
      return { code: 'index.broken', message: `${plain(error.message)}: ${keyOf(error)}` };
    case '23503':
      return { code: 'reference.broken', message: `${plain(error.message)}: ${keyOf(error)}` };
    case '21000':
      return { code: 'index.broken', message: `two rows have the same key: ${message}` };
    case '2BP01':
      return { code: 'store.unsupported', message: `${message} ${error.detail ?? ''}`.trim() };
  }
  if (state.startsWith('08') || state.startsWith('57P') || lostConnection(error, state)) {
    return {
      code: 'store.unreachable',
      message: `${at}: ${message}`,
      hint: 'Check that the server runs and can be reached.',
    };
  }
  if (state.startsWith('22') || state === '23502' || state === '23514') {
    return { code: 'value.unfit', message: `${placeOfValue(error)}${plain(error.message)}.` };
  }
  if (
    /SSL|TLS|certificate|self.signed/i.test(error.message) ||
    state.startsWith('ERR_TLS') ||
    state.endsWith('_CERT')
  ) {
    return {
      code: 'store.unreachable',
      message: `no verified TLS connection to ${at}: ${plain(error.message)}.`,
      hint: 'Name the certificates with sslrootcert, or choose another sslmode (require, disable) if the network is trusted.',
    };
  }
  if (/SASL|password/i.test(error.message)) {
    return {
      code: 'store.denied',
      message: `${at} asks user ${place.user} for a password: ${plain(error.message)}.`,
      hint: 'Give it by reference, for example password: ${env:PGPASSWORD}.',
    };
  }
  return { code: 'internal', message: state === '' ? message : `${message} (${state})` };
}

const socketStates = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ENOENT',
  'EACCES',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

function lostConnection(error: Error, state: string): boolean {
  return (
    socketStates.has(state) ||
    /^(timeout expired|Connection terminated|Client (was closed|has encountered))/.test(error.message)
  );
}

/** A refused host with several addresses gives an AggregateError without a message. */
const plain = (message: string): string => (message === '' ? 'no connection' : message.replace(/[.\s]+$/, ''));

/** `Key (id)=(5) is duplicated.`: keys may be named, other values may not. */
const keyOf = (error: ServerError): string => error.detail ?? '';

/** COPY names line and column, and behind them the value, which is left out: it may be a secret. */
function placeOfValue(error: ServerError): string {
  const line = /COPY .*?, line (\d+)/.exec(error.where ?? '')?.[1];
  const column = error.column ?? /, column (.+?)(?:: |\n|$)/.exec(error.where ?? '')?.[1];
  return [line && `row ${line} of the chunk`, column && `column ${column}`]
    .filter(Boolean)
    .join(', ')
    .replace(/(.)$/, '$1: ');
}
