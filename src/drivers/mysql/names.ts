export const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** `database`.`name` */
export const qualified = (database: string, name: string): string => `${quoteName(database)}.${quoteName(name)}`;

/** A text literal that means the same under every sql_mode and character set. */
export const quoteLiteral = (text: string): string =>
  text === '' ? "''" : `CONVERT(x'${Buffer.from(text).toString('hex')}' USING utf8mb4)`;
