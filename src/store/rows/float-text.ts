/** A float as PostgreSQL prints it (extra_float_digits 1): the shortest digits that read back as the same value, with
 *  an exponent of at least two digits from 10^15 (32 bits: 10^6) up and below 10^-4. */
export function floatText(value: number, bits: 32 | 64): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText] = (bits === 64 ? value.toExponential() : shortest32(value)).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= (bits === 64 ? 15 : 6)) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const sign = value < 0 ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function shortest32(value: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return text.replace(/\.?0*e/, (end) => (end.startsWith('.') ? 'e' : end));
  }
  return value.toExponential();
}
