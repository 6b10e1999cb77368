/** A piece of a script that pg_restore wrote: what makes one object, and what the script says it is. */
export interface ScriptEntry {
  /** As the script's comment has it: `t; Type: TABLE; Schema: sales; Owner: -`. */
  readonly title: string;
  readonly kind: string;
  readonly sql: string;
}

/** Cuts a script of pg_restore into its entries. What stands before the first one (settings of the session, and the
 *  removals of `--clean`) is the preamble. Commands of psql are left out. */
export function splitScript(script: string): { readonly preamble: string; readonly entries: readonly ScriptEntry[] } {
  const starts: { at: number; body: number; title: string }[] = [];
  for (const { at, end } of outerComments(script)) {
    const title = /^-- (?:Name|Data for Name): (.*)$/.exec(script.slice(at, end))?.[1];
    // The title stands between two comments that are empty; long names may hold line breaks, which pg_restore replaces.
    if (title === undefined || !/; Type: /.test(title) || script.slice(at - 3, at) !== '--\n') continue;
    starts.push({ at: at - 3, body: end, title });
  }
  const entries = starts.map(({ body, title }, i) => ({
    title,
    kind: /; Type: (.*?); Schema: /.exec(title)?.[1] ?? '',
    sql: withoutCommands(script.slice(body, starts[i + 1]?.at ?? script.length)),
  }));
  return { preamble: withoutCommands(script.slice(0, starts[0]?.at ?? script.length)), entries };
}

/** psql's own commands, which stand on lines outside of every statement: `\restrict` and its end. */
const withoutCommands = (sql: string): string => sql.replace(/^\\(?:un)?restrict .*$/gm, '').trim();

/** `--` comments that stand outside of quotes and bodies. */
function* outerComments(script: string): Generator<{ readonly at: number; readonly end: number }> {
  const token = /--|\/\*|'|"|\$([\p{L}_][\p{L}\p{N}_]*)?\$/gu;
  for (let found = token.exec(script); found; found = token.exec(script)) {
    const at = found.index;
    const [text] = found;
    let end: number;
    if (text === '--') {
      end = orEnd(script, script.indexOf('\n', at));
      yield { at, end };
    } else if (text === '/*') {
      end = endOfComment(script, at);
    } else if (text === "'" || text === '"') {
      end = endOfQuote(script, at, text);
    } else if (/[\p{L}\p{N}_$]/u.test(script[at - 1] ?? '')) {
      end = at + 1;
    } else {
      const closing = script.indexOf(text, at + text.length);
      end = closing < 0 ? script.length : closing + text.length;
    }
    token.lastIndex = end;
  }
}

function endOfQuote(script: string, at: number, quote: string): number {
  const escapes = quote === "'" && /(?:^|[^\p{L}\p{N}_$])[eE]$/u.test(script.slice(Math.max(0, at - 2), at));
  for (let i = at + 1; i < script.length; i++) {
    if (escapes && script[i] === '\\') i++;
    else if (script[i] === quote) {
      if (script[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return script.length;
}

function endOfComment(script: string, at: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = at;
  let depth = 0;
  for (let found = mark.exec(script); found; found = mark.exec(script)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return script.length;
}

const orEnd = (script: string, at: number): number => (at < 0 ? script.length : at);
