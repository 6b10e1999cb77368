import { MigrationError } from './migration-error.ts';

/** Where a store is. `text` never holds a password: it is taken out into `secret` when the address is parsed. */
export interface Address {
  readonly scheme: string;
  /** For messages and bills. */
  readonly text: string;
  /** Everything after the scheme, without query and password. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
}

const aliases: Readonly<Record<string, string>> = { postgresql: 'postgres', mariadb: 'mysql' };
const schemePattern = /^([a-z][a-z0-9+-]*):/;

/** Parses `./dir`, `/dir`, `sqlite:file.db`, `postgres://user:pw@host:port/db?schema=x`. A bare path is scheme `file`.
 *  The password, if any, is returned apart so that the address can be printed. Throws `address.invalid`. */
export function parseAddress(text: string): { address: Address; password?: string } {
  const match = schemePattern.exec(text);
  if (!match?.[1]) {
    if (text === '') throw new MigrationError('address.invalid', 'The address is empty.');
    return { address: { scheme: 'file', text, path: text, query: {} } };
  }
  const scheme = aliases[match[1]] ?? match[1];
  const tail = text.slice(match[0].length);
  if (tail.startsWith('//')) return parseAuthority(text, scheme);
  const question = tail.indexOf('?');
  const path = question < 0 ? tail : tail.slice(0, question);
  const query = question < 0 ? {} : Object.fromEntries(new URLSearchParams(tail.slice(question + 1)));
  return { address: { scheme, text, path, query } };
}

function parseAuthority(text: string, scheme: string): { address: Address; password?: string } {
  const url = URL.parse(text.replace(schemePattern, 'x:'));
  // `user:pa/ss@host` would be read as host `user`, with half the password in the path.
  if (!url || (url.username === '' && rest(url).includes('@'))) {
    throw new MigrationError('address.invalid', `Cannot read the address ${text.replace(/\/\/.*@/s, '//…@')}.`, {
      hint: 'Percent-encode special characters in user name and password: @ is %40, / is %2F, : is %3A.',
    });
  }
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.password = '';
  const address: Address = {
    scheme,
    text: `${scheme}:${url.href.slice(2)}`,
    path: decodeURIComponent(url.pathname),
    query: Object.fromEntries(url.searchParams),
    ...(url.hostname && { host: decodeURIComponent(url.hostname) }),
    ...(url.port && { port: Number(url.port) }),
    ...(user && { user }),
  };
  return password ? { address, password } : { address };
}

const rest = (url: URL): string => url.pathname + url.search + url.hash;
