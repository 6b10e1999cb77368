import type { ErrorCode } from '../../model/codes.ts';
import { MigrationError } from '../../model/migration-error.ts';

/** The fields of a server's or a socket's error that Waybill reads. */
export interface ServerError extends Error {
  readonly code?: string;
  readonly errno?: number;
}

/** The server's number of the error; 0 for others. */
export const errorNumber = (error: unknown): number => {
  const number = error instanceof Error ? (error as ServerError).errno : undefined;
  return typeof number === 'number' && number >= 1000 ? number : 0;
};

/** Where the server is, for messages. */
export interface Place {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** Any error of the client or the server in Waybill's words. `doing` names what failed, such as `read table city`. */
export function toStoreError(thrown: unknown, place: Place, doing: string): MigrationError {
  if (thrown instanceof MigrationError) return thrown;
  const error: ServerError = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code, message, hint } = translate(error, place);
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

function translate(error: ServerError, place: Place): Words {
  const at = `${place.host}:${place.port}`;
  const message = `${plain(error.message)}.`;
  switch (errorNumber(error)) {
    case 1045:
    case 1698:
    case 1251:
      return {
        code: 'store.denied',
        message: `${at} refuses user ${place.user}: ${message}`,
        hint: 'Check user and password; give the password by reference, for example password: ${env:MYSQL_PWD}.',
      };
    case 1049:
      return {
        code: 'source.missing',
        message: `there is no database ${place.database} at ${at}.`,
        hint: `CREATE DATABASE \`${place.database}\` CHARACTER SET utf8mb4`,
      };
    case 1044:
    case 1142:
    case 1143:
    case 1227:
    case 1370:
    case 1290:
    case 1792:
    case 1836:
      return { code: 'store.denied', message, hint: `GRANT what is missing to ${place.user}.` };
    case 1146:
    case 1412:
      return { code: 'source.moved', message, hint: 'A table was altered or dropped underway. Start anew.' };
    case 1021:
    case 1114:
      return { code: 'store.full', message, hint: 'Make room at the server, then resume.' };
    case 1040:
    case 1203:
      return { code: 'store.busy', message, hint: 'Raise max_connections at the server, or use fewer workers.' };
    case 1205:
    case 1213:
      return { code: 'store.busy', message };
    case 1062:
      return { code: 'index.broken', message: 'rows share a key that must be unique.' };
    case 1452:
    case 1451:
    case 1216:
    case 1217:
      return { code: 'reference.broken', message: 'rows refer to rows that do not exist.' };
    case 1053:
    case 1077:
    case 1079:
    case 1080:
    case 1153:
    case 1158:
    case 1159:
    case 1160:
    case 1161:
    case 1184:
    case 1927:
      return unreachable(at, message);
    case 1048:
    case 1264:
    case 1265:
    case 1292:
    case 1366:
    case 1406:
    case 4025:
      // The server's words hold the value, which may be a secret.
      return { code: 'value.unfit', message: `a value does not fit its column (error ${errorNumber(error)}).` };
  }
  if (isTls(error)) {
    return {
      code: 'store.unreachable',
      message: `no verified TLS connection to ${at}: ${message}`,
      hint: 'Name the certificates with sslrootcert and the server by the name that stands in its certificate (not by its IP address), or choose another sslmode (require, disable) if the network is trusted.',
    };
  }
  if (isLost(error)) return unreachable(at, message);
  const number = errorNumber(error);
  return { code: 'internal', message: number === 0 ? message : `${message} (${number})` };
}

const unreachable = (at: string, message: string): Words => ({
  code: 'store.unreachable',
  message: `${at}: ${message}`,
  hint: 'Check that the server runs and can be reached.',
});

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
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
]);

const isLost = (error: ServerError): boolean =>
  socketStates.has(error.code ?? '') || /closed state|connection (is |was )?(lost|closed)/i.test(error.message);

const isTls = (error: ServerError): boolean =>
  /SSL|TLS|certificate|self.signed/i.test(error.message) ||
  /^(ERR_TLS|HANDSHAKE_(NO_)?SSL)/.test(error.code ?? '') ||
  /_CERT/.test(error.code ?? '');

/** A refused host with several addresses gives an AggregateError without a message. */
const plain = (message: string): string => (message === '' ? 'no connection' : message.replace(/[.\s]+$/, ''));
