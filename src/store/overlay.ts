type Own<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** `inner` with some of its methods replaced. An ability that `inner` lacks stays absent, whatever `own` offers, and
 *  everything else is inner's own, looked up when asked for: a driver may learn of an ability only in probe(). */
export function overlay<T extends object>(inner: T, own: Own<T>): T {
  // The proxy's own target is empty: a frozen `inner` may then be dressed as well.
  return new Proxy({} as T, {
    get(_target, name) {
      const theirs: unknown = Reflect.get(inner, name, inner);
      if (theirs === undefined) return undefined;
      const ours: unknown = Reflect.get(own, name, own);
      if (ours !== undefined) return ours;
      return typeof theirs === 'function' ? theirs.bind(inner) : theirs;
    },
    has: (_target, name) => Reflect.has(inner, name),
  });
}
