/** What this process knows of a run that it follows. */
export interface FeedProgress {
  confirm(position: bigint): void;
  hurry(goal: bigint): void;
  /** Called when a batch is given away. */
  given(position: bigint, committedAt: number | undefined, transactions: number): void;
  behind(position: bigint): { readonly seconds: number; readonly transactions: number };
  /** Durable at the target, as far as confirmed. */
  readonly durable: bigint;
  readonly goal: bigint | undefined;
  listener: FeedListener | undefined;
}

/** The stream that is open, if one is. */
export interface FeedListener {
  confirmed(): void;
  hurried(): void;
  /** Whole transactions received and not given away, and when the oldest of them was committed. */
  waiting(): { readonly transactions: number; readonly since: number | undefined };
}

export function createProgress(): FeedProgress {
  const given: { readonly position: bigint; readonly committedAt: number; readonly transactions: number }[] = [];
  let durable = 0n;
  let goal: bigint | undefined;
  return {
    listener: undefined,
    get durable() {
      return durable;
    },
    get goal() {
      return goal;
    },
    confirm(position) {
      if (position <= durable) return;
      durable = position;
      while (given[0] && given[0].position <= durable) given.shift();
      this.listener?.confirmed();
    },
    hurry(to) {
      goal = to;
      this.listener?.hurried();
    },
    given(position, committedAt, transactions) {
      if (committedAt !== undefined) given.push({ position, committedAt, transactions });
    },
    behind(position) {
      const open = given.filter((batch) => batch.position > position);
      const waiting = this.listener?.waiting() ?? { transactions: 0, since: undefined };
      const oldest = open[0]?.committedAt ?? waiting.since;
      return {
        seconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest) / 1000),
        transactions: open.reduce((sum, { transactions }) => sum + transactions, waiting.transactions),
      };
    },
  };
}
