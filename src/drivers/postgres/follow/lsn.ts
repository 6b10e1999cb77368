/** A place in a server's log, `16/B374D848`. Positions may have more behind it, separated by a space. */
export function parseLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})(?: |$)/.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new TypeError(`${text} is no log position`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export const formatLsn = (lsn: bigint): string =>
  `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;

/** Without what follows it. */
export const plainLsn = (position: string): string => formatLsn(parseLsn(position));
