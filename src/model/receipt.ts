/** Why a row or entry could not be carried. Never holds the value: it may be a secret. */
export interface Reject {
  /** The item's key, or `item` and the row's key. */
  readonly item: string;
  readonly key: string;
  readonly column?: string;
  readonly code: string;
  readonly reason: string;
}

/** What a sink says it stored of one chunk, in its own count. */
export interface Stored {
  readonly bytes: number;
  readonly rows: number;
}

/** Proof that a chunk is durable at the target. */
export interface Receipt {
  readonly chunk: string;
  readonly bytes: number;
  readonly rows: number;
  /** Digest of the content that was read and, chunk by chunk, handed to the sink. See model/digest.ts. */
  readonly digest: string;
  readonly rejects?: readonly Reject[];
  /** Kind `batch`: one line per member that was carried. */
  readonly members?: readonly MemberReceipt[];
}

export interface MemberReceipt {
  readonly key: string;
  readonly bytes: number;
  readonly digest: string;
}
