import type { ErrorCode } from '../model/codes.ts';
import { MigrationError } from '../model/migration-error.ts';

export type Path = readonly PropertyKey[];

/** One thing that is wrong in a job, before it is known where the reader finds it. */
export interface Problem {
  readonly path: Path;
  /** The key itself is wrong, not its value. */
  readonly on?: 'key';
  readonly message: string;
  readonly hint?: string;
  /** `config.invalid` if not given. */
  readonly code?: ErrorCode;
}

/** Where the reader finds a value: `waybill.yaml:3:7`, or a flag. */
export type Places = (path: Path, on: 'key' | 'value') => string | undefined;

/** All problems as one error, so that a job file is mended in one go and not error by error. */
export function problemsError(problems: readonly Problem[], places: Places): MigrationError {
  // Made here, where there are problems: it takes 8 ms.
  const inFileOrder = new Intl.Collator('en', { numeric: true });
  const placed = problems
    .map((problem) => ({ ...problem, where: places(problem.path, problem.on ?? 'value') }))
    .toSorted((a, b) => inFileOrder.compare(a.where ?? '', b.where ?? '') || Number(!a.on) - Number(!b.on));
  const [first] = placed;
  if (!first) throw new TypeError('no problem to report');
  const where = first.where === undefined ? {} : { where: first.where };
  if (placed.length === 1) {
    return new MigrationError(first.code ?? 'config.invalid', first.message, {
      ...where,
      ...(first.hint !== undefined && { hint: first.hint }),
    });
  }
  const lines = placed.map(
    ({ where: place, message, hint }) => `  ${[place, message, hint].filter(Boolean).join(' ')}`,
  );
  const sameCode = placed.every(({ code }) => code === first.code);
  const code = (sameCode ? first.code : undefined) ?? 'config.invalid';
  return new MigrationError(code, `${placed.length} things are wrong:\n${lines.join('\n')}`, where);
}
