import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';
import { MigrationError } from '../model/migration-error.ts';
import type { Places } from './problem.ts';

export interface YamlDocument {
  readonly value: unknown;
  readonly places: Places;
}

/** Parses YAML and keeps where everything stands. Throws `config.invalid` with `file:line:column`. No message repeats
 *  text of the file: a malformed line may hold what should have been a reference to a secret. */
export function parseYaml(text: string, file: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) {
    const message = wordings[fault.code] ?? fault.message.replace(/\.?$/, '.');
    throw new MigrationError('config.invalid', `Malformed YAML: ${message}`, {
      where: place(fault.pos[0]),
      hint: hints[fault.code] ?? 'Indent with spaces, two per level; put text with special characters in quotes.',
    });
  }
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document)) return;
      throw new MigrationError('config.invalid', 'Malformed YAML: An alias (*name) has no anchor (&name) before it.', {
        where: place(startOf(alias) ?? 0),
        hint: 'Put text that begins with * in quotes.',
      });
    },
  });
  return { value: toValue(document, file), places: (path, on) => place(offsetOf(document, path, on)) };
}

/** In place of messages that would repeat text of the file. */
const wordings: Readonly<Record<string, string>> = {
  TAG_RESOLVE_FAILED: 'A tag (!name) is not known here.',
};

const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Replace the tab by spaces.',
  DUPLICATE_KEY: 'Remove one of the two.',
  TAG_RESOLVE_FAILED: 'Put text that begins with ! in quotes.',
};

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new MigrationError('config.invalid', 'Malformed YAML: Its aliases multiply without end.', {
      where: file,
      cause,
    });
  }
}

/** Offset of the deepest node on the path that exists. */
function offsetOf(document: Document, path: readonly PropertyKey[], on: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(document.contents) ?? 0;
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) return offset;
      const keyOffset = startOf(pair.key) ?? offset;
      offset = last && on === 'key' ? keyOffset : (startOf(pair.value) ?? keyOffset);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

/** Absent for a value that is not written (`backup:`). */
const startOf = (node: unknown): number | undefined => {
  const range = isNode(node) ? (node as Node).range : undefined;
  return range && range[1] > range[0] ? range[0] : undefined;
};
