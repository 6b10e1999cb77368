/** One text for equal values, as RFC 8785 has it: no spaces, members sorted by their names' UTF-16 code units, numbers
 *  and strings as JSON.stringify writes them. Members that are undefined are left out. Beyond the RFC, lone surrogates
 *  are allowed and written `\udcXX`: names that are not UTF-8 hold them. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((element) => canonicalJson(element ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}
