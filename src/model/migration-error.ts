import { codes, type ErrorCode } from './codes.ts';

/** The one error of Waybill: what failed, on what, what to do. The message must never hold a secret or a row's value. */
export class MigrationError extends Error {
  readonly code: ErrorCode;
  readonly hint?: string;
  /** Item key, address, or place in the job file (`waybill.yaml:3:7`). */
  readonly where?: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; where?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MigrationError';
    this.code = code;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.where !== undefined) this.where = options.where;
  }

  get exit(): number {
    return codes[this.code].exit;
  }

  get retryable(): boolean {
    return codes[this.code].retryable;
  }

  toJSON(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.where !== undefined && { where: this.where }),
    };
  }
}

/** An error as journals, events and other threads carry it. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly where?: string;
}

/** Any thrown thing as a MigrationError; what is not one becomes `internal`. */
export function toMigrationError(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MigrationError('internal', message, { cause: error });
}

export function fromErrorRecord(record: ErrorRecord): MigrationError {
  const code = record.code in codes ? (record.code as ErrorCode) : 'internal';
  return new MigrationError(code, record.message, {
    ...(record.hint !== undefined && { hint: record.hint }),
    ...(record.where !== undefined && { where: record.where }),
  });
}
